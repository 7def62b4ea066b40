package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"amino.run/kernel/client"
)

func (a *app) deleteCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "End a microservice and forget its state",
		Example: "  aminorun delete counter",
		Args:    exactly(1, "one microservice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), func(c *client.Client) error {
				if err := c.Delete(cmd.Context(), args[0]); err != nil {
					return err
				}
				return a.done("deleted", args[0])
			})
		},
	}
}

// done says what was done, where there is nothing else to show.
func (a *app) done(what, name string) error {
	if a.output == "json" {
		return a.print(map[string]string{"done": what, "name": name}, nil)
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s\n", what, name)
	return err
}
