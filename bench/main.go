// Command bench measures Amino.Run against floors and peers in one run: a native
// call, a guest's, one through the kernel, one to another process beside grpc-go,
// snapshots by size, and the pause of a move. `make bench` runs it.
//
// The machines it runs on are shared and noisy, so every figure is a median over
// rounds in which the things compared take turns, and the ratios are what counts.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	_ "amino.run/dms/standard"
)

var (
	rounds  = flag.Int("rounds", 7, "rounds of each comparison")
	slice   = flag.Duration("slice", 300*time.Millisecond, "how long each thing runs in a round")
	role    = flag.String("role", "", "what a child process is: kernel or grpc")
	id      = flag.String("id", "k2", "of a kernel, for a child")
	omsAddr = flag.String("oms", "", "address of the OMS, for a child")
	only    = flag.String("only", "", "the one part to run: calls, chain, dms, remote, durable, replicated, snapshot, move, switch or start")
	data    = flag.String("data", "", "directory, for a child")
)

func main() {
	flag.Parse()
	debug.SetGCPercent(400) // as aminorun does; the peer's processes get it too
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	switch *role {
	case "kernel":
		return serveKernel(ctx)
	case "grpc":
		return serveGRPC()
	}
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Printf("%s, %s/%s, %d CPUs; medians of %d rounds\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *rounds)
	for _, part := range []struct {
		name string
		run  func(context.Context, *world) error
	}{{"calls", benchCalls}, {"chain", benchChain}, {"dms", benchDMs}, {"remote", benchRemote}, {"durable", benchDurable}, {"replicated", benchReplicated}, {"snapshot", benchSnapshot}, {"move", benchMove}, {"switch", benchSwitch}, {"start", benchStart}} {
		if *only != "" && *only != part.name {
			continue
		}
		if err := part.run(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// quiet is a log for servers that are measured.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
