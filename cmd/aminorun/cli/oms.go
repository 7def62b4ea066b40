package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"amino.run/oms"
)

func (a *app) omsCmd() *cobra.Command {
	var listen, data string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:     "oms --listen ADDR --data DIR",
		Short:   "Run the OMS: the one place that knows where everything is",
		Example: "  aminorun oms --listen 127.0.0.1:7070 --data /var/lib/amino/oms",
		Args:    exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if data == "" {
				return usagef("--data names the directory in which the OMS keeps what it knows")
			}
			release, err := openData(data)
			if err != nil {
				return err
			}
			stop := stops{release}
			defer func() { err = errors.Join(err, stop.run()) }()
			tuneMemory()
			s, stopOMS, err := a.runOMS(cmd.Context(), listen, data, oms.Options{TTL: ttl})
			if err != nil {
				return err
			}
			stop = append(stop, stopOMS)
			a.ready("oms ready at %s", s.Addr())
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", DefaultOMS, "address to serve on")
	cmd.Flags().StringVar(&data, "data", "", "directory for the OMS's state (required)")
	cmd.Flags().DurationVar(&ttl, "lease", 10*time.Second, "how long a kernel that is silent still counts as there")
	return cmd
}
