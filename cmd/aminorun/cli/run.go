// Package cli is the command aminorun: it joins the rooms and has no logic of its
// own. One file is one command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// DefaultOMS is where an OMS listens, and where commands look for it.
const DefaultOMS = "127.0.0.1:7070"

// An app is one run of the command.
type app struct {
	stdout, stderr io.Writer
	oms            string
	output         string
}

// Run carries out one command line and returns the exit code: 0 done, 1 failed,
// 2 wrong usage. Errors are one or two lines on stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(guardNegatives(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "aminorun: %s\n", message(err))
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// message returns an error as a user reads it.
func message(err error) string {
	if abi.CodeOf(err) == abi.Application {
		return "the microservice answered: " + err.Error()
	}
	return err.Error()
}

// root returns the command with all its sub-commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "aminorun",
		Short: "Run plain objects, compiled to WebAssembly, as distributed microservices",
		Long: `aminorun runs and uses an Amino.Run cluster.

An OMS knows where everything is, kernel servers host microservices, and deployment
managers (DMs), named when a microservice is deployed, decide how it is distributed.`,
		Example: `  aminorun dev                                    an OMS and three kernels in one process
  aminorun deploy counter.wasm --dm 'LeaseCaching(ttl=10s)'
  aminorun invoke counter add 5`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          exactly(0, "a command"),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v; see `%s --help`", err, cmd.CommandPath())
	})
	oms := os.Getenv("AMINO_OMS")
	if oms == "" {
		oms = DefaultOMS
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.oms, "oms", oms, "address of the OMS (or AMINO_OMS)")
	flags.StringVar(&a.output, "output", "table", "table or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.output != "table" && a.output != "json" {
			return usagef("--output is table or json, not %q", a.output)
		}
		return nil
	}
	root.AddCommand(a.devCmd(), a.omsCmd(), a.kernelCmd(), a.buildCmd(), a.deployCmd(), a.invokeCmd(), a.lsCmd(),
		a.describeCmd(), a.migrateCmd(), a.dmCmd(), a.deleteCmd(), a.snapshotCmd(), a.restoreCmd(), a.forkCmd(), a.dmsCmd(), a.versionCmd())
	return root
}

// withClient runs f with a client of the cluster.
func (a *app) withClient(ctx context.Context, f func(c *client.Client) error) error {
	c, err := client.Dial(ctx, a.oms)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}
