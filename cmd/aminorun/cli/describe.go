package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel/client"
)

func (a *app) describeCmd() *cobra.Command {
	var wit bool
	cmd := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Say what a microservice is, where it is, and what may be called on it",
		Example: "  aminorun describe counter\n  aminorun describe counter --wit",
		Args:    exactly(1, "one microservice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), func(c *client.Client) error {
				g, err := c.Lookup(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				m, err := abi.ParseManifest(g.Manifest)
				if err != nil {
					return err
				}
				if wit {
					_, err := fmt.Fprint(a.stdout, m.WIT())
					return err
				}
				v := viewGroup(g)
				v.Manifest = json.RawMessage(g.Manifest)
				return a.print(v, func(t *table) { describeGroup(t, v, m) })
			})
		},
	}
	cmd.Flags().BoolVar(&wit, "wit", false, "print the interface as WIT")
	return cmd
}

func describeGroup(t *table, v groupView, m *abi.Manifest) {
	t.row("name:", v.Name)
	if m.Doc != "" {
		t.row("about:", m.Doc)
	}
	t.row("id:", v.ID)
	t.row("state:", v.State)
	t.row("module:", short(v.Module), m.Language)
	t.row("dms:", shortDMs(v.DMs))
	if v.On != "" {
		t.row("on:", v.On)
	}
	for _, key := range slices.Sorted(maps.Keys(v.Config)) {
		t.row("config:", key+"="+v.Config[key])
	}
	for _, s := range v.Shards {
		t.row("shard:", s.ID, fmt.Sprintf("%d of %d replicas", s.Left, s.Of))
	}
	for _, r := range v.Replicas {
		state := ""
		if r.Lost {
			state = "lost"
		}
		t.row("replica:", r.ID, "on "+r.Kernel, fmt.Sprintf("epoch %d", r.Epoch), state)
	}
	for _, method := range m.Methods {
		t.row("method:", signature(method), method.Doc)
	}
}

// signature returns a method as WIT writes its type.
func signature(m abi.MethodType) string {
	params := make([]string, len(m.Params))
	for i, p := range m.Params {
		params[i] = p.Name + ": " + p.Type
	}
	s := m.Name + "(" + strings.Join(params, ", ") + ")"
	if m.Result != "" {
		s += " -> " + m.Result
	}
	if m.ReadOnly {
		s += " readonly"
	}
	return s
}
