package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/internal/api"
	"amino.run/kernel/client"
)

func (a *app) lsCmd() *cobra.Command {
	lists := map[string]func(ctx context.Context, c *client.Client) error{
		"microservices": a.lsMicroservices, "kernels": a.lsKernels, "modules": a.lsModules,
	}
	return &cobra.Command{
		Use:       "ls [microservices|kernels|modules|dms]",
		Short:     "List microservices, kernels, modules or deployment managers",
		Example:   "  aminorun ls\n  aminorun ls kernels --output json",
		Args:      between(0, 1, "microservices, kernels, modules or dms"),
		ValidArgs: []string{"microservices", "kernels", "modules", "dms"},
		RunE: func(cmd *cobra.Command, args []string) error {
			what := "microservices"
			if len(args) == 1 {
				what = args[0]
			}
			if what == "dms" {
				return a.listDMs()
			}
			list := lists[what]
			if list == nil {
				return usagef("there is no list of %q; there are microservices, kernels, modules and dms", what)
			}
			return a.withClient(cmd.Context(), func(c *client.Client) error { return list(cmd.Context(), c) })
		},
	}
}

func (a *app) lsMicroservices(ctx context.Context, c *client.Client) error {
	groups, err := c.Groups(ctx)
	if err != nil {
		return err
	}
	views := make([]groupView, len(groups))
	for i, g := range groups {
		views[i] = viewGroup(g)
	}
	return a.print(views, func(t *table) {
		t.row("NAME", "ID", "STATE", "REPLICAS", "KERNELS", "MODULE", "DMS")
		for _, v := range views {
			t.row(v.Name, v.ID, v.State, v.count(), strings.Join(v.Kernels, ","), short(v.Module), shortDMs(v.DMs))
		}
	})
}

func (a *app) lsKernels(ctx context.Context, c *client.Client) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	views := make([]kernelView, len(nodes))
	for i, n := range nodes {
		views[i] = kernelView{n.ID, n.Addr, n.Labels, n.Live, n.Replicas, map[string]string{}}
		for peer, d := range n.RTT {
			views[i].RTT[peer] = formatRTT(d)
		}
	}
	return a.print(views, func(t *table) {
		t.row("KERNEL", "ADDRESS", "STATE", "REPLICAS", "LABELS", "NEAREST")
		for i, v := range views {
			state := "live"
			if !v.Live {
				state = "gone"
			}
			t.row(v.ID, v.Addr, state, v.Replicas, api.FormatLabels(v.Labels), nearest(nodes[i].RTT))
		}
	})
}

func (a *app) lsModules(ctx context.Context, c *client.Client) error {
	modules, err := c.Modules(ctx)
	if err != nil {
		return err
	}
	views := make([]moduleView, len(modules))
	for i, m := range modules {
		views[i] = viewModule(m)
	}
	return a.print(views, func(t *table) {
		t.row("MODULE", "NAME", "LANGUAGE", "SIZE", "NOTES")
		for _, v := range views {
			t.row(short(v.Digest), v.Name, v.Language, formatBytes(uint64(v.Size)), strings.Join(v.Notes, "; "))
		}
	})
}
