package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"amino.run/kernel/client"
)

func (a *app) dmCmd() *cobra.Command {
	get := func(cmd *cobra.Command, args []string) error { return a.showChain(cmd, args[0]) }
	cmd := &cobra.Command{
		Use:     "dm NAME",
		Short:   "Show the deployment managers of a microservice, or set others while it is called",
		Example: "  aminorun dm counter\n  aminorun dm set counter AtLeastOnceRPC 'PeriodicCheckpoint(every=10)'\n  aminorun dm set counter --none",
		Args:    exactly(1, "one microservice"),
		RunE:    get,
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "get NAME",
		Short:   "Show the deployment managers of a microservice",
		Example: "  aminorun dm get counter",
		Args:    exactly(1, "one microservice"),
		RunE:    get,
	}, a.dmSetCmd())
	return cmd
}

func (a *app) dmSetCmd() *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use:   "set NAME [DM]...",
		Short: "Give a microservice other deployment managers while it is being called",
		Example: `  aminorun dm set counter AtLeastOnceRPC 'LeaseCaching(ttl=2s)'
  aminorun dm set counter --none`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s wants one microservice and its deployment managers, nearest the application first; see `%[1]s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if none && len(args) > 1 {
				return usagef("--none leaves no deployment manager, so %s cannot be set", args[1])
			}
			return a.withClient(cmd.Context(), func(c *client.Client) error { return a.setChain(cmd, c, args[0], args[1:]) })
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "leave no deployment manager")
	return cmd
}

func (a *app) setChain(cmd *cobra.Command, c *client.Client, name string, chain []string) error {
	chain, err := a.sendDMs(cmd.Context(), c, ".", chain)
	if err != nil {
		return err
	}
	a.progress("waiting for the calls under way")
	rep, err := c.Switch(cmd.Context(), name, chain)
	if err != nil {
		return err
	}
	g := viewGroup(rep.Group)
	v := struct {
		Name    string   `json:"name"`
		From    []string `json:"from"`
		DMs     []string `json:"dms"`
		Kernels []string `json:"kernels"`
		Pause   float64  `json:"pause_ms"`
		State   int      `json:"state_bytes"`
	}{g.Name, append([]string{}, rep.From...), g.DMs, g.Kernels, float64(rep.Pause) / float64(time.Millisecond), rep.Bytes}
	return a.print(v, func(t *table) {
		t.row("NAME", "FROM", "DMS", "KERNELS", "PAUSE", "STATE")
		t.row(v.Name, shortDMs(v.From), shortDMs(v.DMs), strings.Join(v.Kernels, ","),
			rep.Pause.Round(10*time.Microsecond), formatBytes(uint64(v.State)))
	})
}

func (a *app) showChain(cmd *cobra.Command, name string) error {
	return a.withClient(cmd.Context(), func(c *client.Client) error {
		g, err := c.Lookup(cmd.Context(), name)
		if err != nil {
			return err
		}
		v := struct {
			Name string   `json:"name"`
			DMs  []string `json:"dms"`
		}{g.Name, viewGroup(g).DMs}
		return a.print(v, func(t *table) {
			t.row("NAME", "DMS")
			t.row(v.Name, shortDMs(v.DMs))
		})
	})
}
