package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// A usageError is a command line that cannot be carried out as it stands.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exactly wants n arguments, and says which.
func exactly(n int, want string) cobra.PositionalArgs { return between(n, n, want) }

// between wants from least to most arguments, and says which.
func between(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) >= least && len(args) <= most:
			return nil
		case !cmd.HasParent():
			return usagef("unknown command %q; `aminorun --help` lists the commands", args[0])
		}
		return usagef("%s wants %s, got %d; see `%[1]s --help`", cmd.CommandPath(), want, len(args))
	}
}
