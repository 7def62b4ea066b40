package cli

import (
	"time"

	"github.com/spf13/cobra"

	"amino.run/kernel/client"
)

func (a *app) migrateCmd() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:     "migrate NAME[/REPLICA] --to KERNEL",
		Short:   "Move a microservice, or one of its replicas, to another kernel while it is being called",
		Example: "  aminorun migrate counter --to k2\n  aminorun migrate orders/2/0 --to k2",
		Args:    exactly(1, "one microservice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("--to names the kernel to move to; `aminorun ls kernels` lists them")
			}
			return a.withClient(cmd.Context(), func(c *client.Client) error {
				rep, err := c.Migrate(cmd.Context(), args[0], to)
				if err != nil {
					return err
				}
				v := struct {
					Name   string  `json:"name"`
					From   string  `json:"from"`
					To     string  `json:"to"`
					Pause  float64 `json:"pause_ms"`
					Copied int     `json:"copied_bytes"`
				}{args[0], rep.From, rep.To, float64(rep.Pause) / float64(time.Millisecond), rep.Bytes}
				return a.print(v, func(t *table) {
					t.row("NAME", "FROM", "TO", "PAUSE", "COPIED")
					t.row(v.Name, v.From, v.To, rep.Pause.Round(10*time.Microsecond), formatBytes(uint64(v.Copied)))
				})
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the kernel to move to (required)")
	return cmd
}
