package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"amino.run/kernel"
	"amino.run/oms"
)

func (a *app) devCmd() *cobra.Command {
	var listen, data string
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
			if data == "" {
				if data, err = os.MkdirTemp("", "aminorun-dev-"); err != nil {
					return err
				}
				defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
			}
			tuneMemory()
			ctx := cmd.Context()
			s, stop, err := a.runOMS(ctx, listen, filepath.Join(data, "oms"), oms.Options{})
			if err != nil {
				return err
			}
			stops := []func() error{stop}
			defer func() {
				for i := len(stops) - 1; i >= 0; i-- {
					err = errors.Join(err, stops[i]())
				}
			}()
			engine, err := newEngine(ctx, cacheDir())
			if err != nil {
				return err
			}
			for i := range kernels {
				id := fmt.Sprintf("k%d", i+1)
				_, stop, err := a.runKernel(ctx, kernel.Config{
					ID: id, Listen: "127.0.0.1:0", OMS: s.Addr(), Engine: engine, Labels: devLabels(i),
					Data: filepath.Join(data, id), Checkpoints: filepath.Join(data, "checkpoints"),
				})
				if err != nil {
					return err
				}
				stops = append(stops, stop)
			}
			a.ready("ready: OMS at %s and %d kernels; in another terminal: aminorun ls kernels", s.Addr(), kernels)
			<-ctx.Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", DefaultOMS, "address of the OMS")
	cmd.Flags().StringVar(&data, "data", "", "directory to keep state in (default: a temporary one)")
	cmd.Flags().IntVar(&kernels, "kernels", 3, "how many kernels")
	return cmd
}

// devLabels makes the kernels differ, so that placement can be tried.
func devLabels(i int) map[string]string {
	return map[string]string{"tier": []string{"cloud", "cloud", "device"}[i%3], "region": []string{"eu", "us"}[i%2]}
}
