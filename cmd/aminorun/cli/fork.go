package cli

import (
	"github.com/spf13/cobra"

	"amino.run/kernel/client"
)

func (a *app) forkCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "fork NAME NEW-NAME",
		Short:   "Start a second microservice with the state of a first",
		Example: "  aminorun fork counter counter-2",
		Args:    exactly(2, "a microservice and a name for the new one"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), func(c *client.Client) error {
				g, err := c.Fork(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				return a.printGroup(g)
			})
		},
	}
}
