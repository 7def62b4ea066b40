// Command aminorun runs and uses an Amino.Run cluster. To make one with DMs of
// your own, copy this file and import them beside dms/standard.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"amino.run/cmd/aminorun/cli"
	_ "amino.run/dms/standard"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
