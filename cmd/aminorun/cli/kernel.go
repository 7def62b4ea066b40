package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"amino.run/kernel"
)

func (a *app) kernelCmd() *cobra.Command {
	var c kernel.Config
	var labels, httpAddr string
	cmd := &cobra.Command{
		Use:   "kernel --oms ADDR --listen ADDR --data DIR",
		Short: "Run a kernel server: it hosts microservices",
		Long: `Runs a kernel server. It joins the cluster as soon as the OMS answers, and again whenever
it has lost it.`,
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
			if isUnspecified(c.Listen) {
				return usagef("--listen %s: other kernels reach this one at that address, so name one of this machine's", c.Listen)
			}
			release, err := openData(c.Data)
			if err != nil {
				return err
			}
			stop := stops{release}
			defer func() { err = errors.Join(err, stop.run()) }()
			tuneMemory()
			ctx := cmd.Context()
			if c.Engine, err = newEngine(ctx, filepath.Join(c.Data, "compiled"), &stop); err != nil {
				return err
			}
			c.OMS = a.oms
			k, stopKernel, err := a.runKernel(ctx, c)
			if err != nil {
				return err
			}
			stop = append(stop, stopKernel)
			if isLoopback(c.Listen) && !isLoopback(c.OMS) {
				a.log().Warn("only this machine can reach this kernel, and the OMS is on another: give --listen an address that others can reach",
					"listen", c.Listen, "oms", c.OMS)
			}
			where, err := a.serveHTTP(ctx, k, httpAddr, &stop)
			if err != nil {
				return err
			}
			a.ready("kernel %s ready at %s%s", k.Node().ID, k.Node().Addr, where)
			<-ctx.Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&c.ID, "id", "", "name of the kernel, unique in the cluster (default: the host's name)")
	cmd.Flags().StringVar(&c.Listen, "listen", "127.0.0.1:0", "address to serve on; others reach the kernel there")
	cmd.Flags().StringVar(&labels, "labels", "", "what placement knows of this kernel: key=value,key=value")
	cmd.Flags().StringVar(&httpAddr, "http", "", "address to serve HTTP on: POST /v1/microservices/NAME/METHOD (default: none)")
	cmd.Flags().StringVar(&c.Data, "data", "", "directory that only this kernel uses (required)")
	cmd.Flags().StringVar(&c.Checkpoints, "checkpoints", "", "directory for checkpoints; kernels that share one recover each other's microservices (default: DATA/checkpoints)")
	return cmd
}

// isLoopback reports whether only this machine reaches addr, host:port.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// isUnspecified reports whether addr, host:port, is all addresses of this machine.
func isUnspecified(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "" || net.ParseIP(host).IsUnspecified())
}
