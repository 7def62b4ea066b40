package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/fsutil"
	"amino.run/kernel/client"
)

func (a *app) snapshotCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "snapshot NAME[/SHARD] -o FILE",
		Short: "Write a microservice's whole state, and its module, to a file",
		Long: `Writes a file from which the microservice can be restored, in this cluster or another:
its state between two calls, its module, and how it is deployed. A microservice in shards
has no one state; that of a shard is restored as a microservice without the others.`,
		Example: "  aminorun snapshot counter -o counter.snap\n  aminorun snapshot orders/2 -o orders-2.snap",
		Args:    exactly(1, "one microservice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o names the file to write")
			}
			ctx := cmd.Context()
			return a.withClient(ctx, func(c *client.Client) error {
				name, path, _ := strings.Cut(args[0], "/")
				g, err := c.Lookup(ctx, name)
				if err != nil {
					return err
				}
				a.progress("taking the state of %s", args[0])
				s, err := c.Snapshot(ctx, args[0])
				if err != nil {
					return err
				}
				if path != "" {
					g.Spec.DMs, s.Cells = ofShard(g.Spec.DMs), nil
				}
				wasm, err := c.GetModule(ctx, g.Spec.Module)
				if err != nil {
					return err
				}
				b, err := (&archive{g.Spec, s, wasm}).pack()
				if err != nil {
					return err
				}
				if err := fsutil.WriteFile(out, b); err != nil {
					return abi.Errorf(abi.Storage, "the snapshot was not written: %v", err)
				}
				v := snapshotView{g.Name, out, len(b), s.Version}
				return a.print(v, func(t *table) {
					t.row("NAME", "FILE", "SIZE", "VERSION")
					t.row(v.Name, v.File, formatBytes(uint64(v.Bytes)), v.Version)
				})
			})
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write (required)")
	return cmd
}

// ofShard returns the DMs that a shard has of its own, or a replica: those after the last
// that shards.
func ofShard(specs []string) []string {
	for i, spec := range slices.Backward(specs) {
		if dm, err := dms.Parse(spec); err == nil && (dms.Chain{dm}).Has(dms.Shards) {
			return append([]string{}, specs[i+1:]...) // nil would mean the manifest's
		}
	}
	return specs
}

// A snapshotView is a written snapshot as `--output json` shows it.
type snapshotView struct {
	Name    string `json:"name"`
	File    string `json:"file"`
	Bytes   int    `json:"bytes"`
	Version uint64 `json:"version"`
}
