package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"amino.run/kernel"
)

func (a *app) kernelCmd() *cobra.Command {
	var c kernel.Config
	var labels string
	cmd := &cobra.Command{
		Use:     "kernel --oms ADDR --listen ADDR --data DIR",
		Short:   "Run a kernel server: it hosts microservices",
		Example: "  aminorun kernel --oms 10.0.0.1:7070 --listen 10.0.0.2:7071 --labels region=eu,tier=cloud --data /var/lib/amino/kernel",
		Args:    exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Data == "" {
				return usagef("--data names the directory in which the kernel keeps modules and checkpoints")
			}
			if c.Labels, err = parseLabels(labels); err != nil {
				return err
			}
			if c.ID == "" {
				if c.ID, err = os.Hostname(); err != nil {
					return usagef("--id names the kernel: this machine has no name of its own")
				}
			}
			tuneMemory()
			ctx := cmd.Context()
			engine, err := newEngine(ctx, filepath.Join(c.Data, "compiled"))
			if err != nil {
				return err
			}
			c.OMS, c.Engine = a.oms, engine
			k, stop, err := a.runKernel(ctx, c)
			if err != nil {
				return err
			}
			a.ready("kernel %s ready at %s", k.Node().ID, k.Node().Addr)
			<-ctx.Done()
			return stop()
		},
	}
	cmd.Flags().StringVar(&c.ID, "id", "", "name of the kernel, unique in the cluster (default: the host's name)")
	cmd.Flags().StringVar(&c.Listen, "listen", "127.0.0.1:0", "address to serve on; others reach the kernel there")
	cmd.Flags().StringVar(&labels, "labels", "", "what placement knows of this kernel: key=value,key=value")
	cmd.Flags().StringVar(&c.Data, "data", "", "directory that only this kernel uses (required)")
	cmd.Flags().StringVar(&c.Checkpoints, "checkpoints", "", "directory for checkpoints; kernels that share one recover each other's microservices (default: DATA/checkpoints)")
	return cmd
}
