package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel"
	"amino.run/kernel/client"
	"amino.run/oms"
)

func (a *app) devCmd() *cobra.Command {
	var listen, data, httpAddr string
	var kernels int
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run an OMS and three kernels in one process, to try things",
		Long: `Runs an OMS and some kernels in one process. They talk over loopback as on as many
machines. Without --data, what they know goes when they end.`,
		Example: "  aminorun dev\n  aminorun dev --kernels 5 --data ./amino",
		Args:    exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if kernels < 1 {
				return usagef("--kernels is at least 1")
			}
			ctx := cmd.Context()
			var stop stops
			defer func() { err = errors.Join(err, stop.run()) }()
			if data == "" {
				if data, err = os.MkdirTemp("", "aminorun-dev-"); err != nil {
					return abi.Errorf(abi.Storage, "no temporary directory: %v; name one with --data", err)
				}
				stop = append(stop, func() error { return os.RemoveAll(data) })
			}
			release, err := openData(data)
			if err != nil {
				return err
			}
			stop = append(stop, release)
			addr, where, err := a.startDev(ctx, listen, data, httpAddr, kernels, &stop)
			if err != nil {
				return err
			}
			if err := awaitKernels(ctx, addr, kernels); err != nil {
				return err
			}
			a.ready("dev ready at %s: an OMS and %d kernels%s; try `aminorun ls kernels` in another terminal", addr, kernels, where)
			<-ctx.Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", DefaultOMS, "address of the OMS; port 0 picks one")
	cmd.Flags().StringVar(&data, "data", "", "directory to keep state in (default: a temporary one)")
	cmd.Flags().StringVar(&httpAddr, "http", "", "address to serve HTTP on: POST /v1/microservices/NAME/METHOD (default: none)")
	cmd.Flags().IntVar(&kernels, "kernels", 3, "how many kernels")
	return cmd
}

// startDev starts an OMS and kernels, adds to stop what ends them, and returns
// where the OMS is, and how to say where HTTP is.
func (a *app) startDev(ctx context.Context, listen, data, httpAddr string, kernels int, stop *stops) (addr, where string, err error) {
	tuneMemory()
	s, stopOMS, err := a.runOMS(ctx, listen, filepath.Join(data, "oms"), oms.Options{})
	if err != nil {
		if omsAnswers(ctx, listen) {
			err = abi.Errorf(abi.Exists, "an OMS runs at %s already, perhaps another `aminorun dev`: use that one, end it, or pass --listen 127.0.0.1:0", listen)
		}
		return "", "", err
	}
	*stop = append(*stop, stopOMS)
	engine, err := newEngine(ctx, cacheDir(), stop)
	if err != nil {
		return "", "", err
	}
	for i := range kernels {
		id := fmt.Sprintf("k%d", i+1)
		k, stopKernel, err := a.runKernel(ctx, kernel.Config{
			ID: id, Listen: "127.0.0.1:0", OMS: s.Addr(), Engine: engine, Labels: devLabels(i),
			Data: filepath.Join(data, id), Checkpoints: filepath.Join(data, "checkpoints"),
		})
		if err != nil {
			return "", "", err
		}
		*stop = append(*stop, stopKernel)
		if i > 0 {
			continue
		}
		if where, err = a.serveHTTP(ctx, k, httpAddr, stop); err != nil {
			return "", "", err
		}
	}
	return s.Addr(), where, nil
}

// devLabels makes the kernels differ, so that placement can be tried.
func devLabels(i int) map[string]string {
	return map[string]string{"tier": []string{"cloud", "cloud", "device"}[i%3], "region": []string{"eu", "us"}[i%2]}
}

// omsAnswers reports whether there is an OMS at addr.
func omsAnswers(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := client.Dial(ctx, addr)
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.Nodes(ctx)
	return err == nil
}

// awaitKernels waits until n kernels have joined the OMS at addr.
func awaitKernels(ctx context.Context, addr string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		nodes, err := c.Nodes(ctx)
		if err != nil {
			return err
		}
		live := 0
		for _, node := range nodes {
			if node.Live {
				live++
			}
		}
		if live >= n {
			return nil
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return abi.Errorf(abi.Unavailable, "%d of %d kernels joined the OMS in 10 s", live, n)
		}
	}
}
