package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel/client"
)

func (a *app) restoreCmd() *cobra.Command {
	var name string
	var dms []string
	cmd := &cobra.Command{
		Use:     "restore FILE --name NAME",
		Short:   "Start a microservice with the state in a snapshot file",
		Example: "  aminorun restore counter.snap --name counter-copy",
		Args:    exactly(1, "one snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				return usagef("--name names the microservice to start")
			}
			f, err := readArchive(args[0])
			if err != nil {
				return err
			}
			f.spec.Name = name
			if cmd.Flags().Changed("dm") {
				f.spec.DMs, f.snapshot.Cells = dms, nil // what other managers kept is not for these
			}
			ctx := cmd.Context()
			return a.withClient(ctx, func(c *client.Client) error {
				a.progress("sending %s", args[0])
				if _, err := c.PutModule(ctx, f.wasm); err != nil {
					return err
				}
				g, err := c.Deploy(ctx, f.spec, &f.snapshot)
				if err != nil {
					return fmt.Errorf("restore %s: %w", args[0], err)
				}
				return a.printGroup(g)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the microservice (required)")
	cmd.Flags().StringArrayVar(&dms, "dm", nil, "another chain than the one in the file; repeat")
	return cmd
}

// readArchive reads a snapshot file.
func readArchive(path string) (*archive, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, abi.Errorf(abi.NotFound, "there is no file %s; `aminorun snapshot` writes one", path)
	}
	if err != nil {
		return nil, abi.Errorf(abi.NotFound, "the snapshot file cannot be read: %v", err)
	}
	f, err := unpack(b)
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "%s cannot be restored: %v", path, err)
	}
	return f, nil
}
