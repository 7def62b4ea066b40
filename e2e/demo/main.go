// Command demo shows the main job on a cluster of real processes, a line a step,
// and ends with 0 only if every step held. `make demo` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"amino.run/e2e/cluster"
	"amino.run/internal/guestbuild"
	"amino.run/kernel/client"
)

func main() {
	command := flag.String("aminorun", "bin/aminorun", "the command to show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *command)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A demo is one showing.
type demo struct {
	*cluster.Cluster
	client *client.Client
	failed int
}

func run(ctx context.Context, command string) (err error) {
	dir, err := os.MkdirTemp("", "amino-demo-")
	if err != nil {
		return err
	}
	command, err = filepath.Abs(command)
	if err != nil {
		return err
	}
	d := &demo{Cluster: cluster.New(dir, nil, command)}
	defer func() {
		d.Close()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	fmt.Println("Amino.Run: an OMS and three kernel servers, each a process of its own, on loopback.")
	for _, step := range []struct {
		what string
		f    func(context.Context) (string, error)
	}{
		{"start an OMS and kernels k1 (eu, cloud), k2 (us, cloud), k3 (eu, device)", d.start},
		{"build and deploy one counter in C, Rust, AssemblyScript and Go", d.deployCounters},
		{"call each from the command line", d.callCounters},
		{"a shop: Go calls Rust, which calls AssemblyScript, on three kernels", d.shop},
		{"a chain of DMs with flags: the lease holder's calls stay on its kernel", d.chain},
		{"move a Go microservice: its state is the same after as before", d.sameState},
		{"move it back and forth while a client keeps calling", d.moveUnderLoad},
		{"change its DMs, and change them back, while a client keeps calling", d.switchUnderLoad},
		{"fork it; the fork and the original go their own ways", d.fork},
		{"kill -9 a kernel: a checkpointed microservice comes back elsewhere", d.kill},
		{"kill -9 the OMS: calls go on, and nothing it acknowledged is lost", d.killOMS},
	} {
		if err := d.show(ctx, step.what, step.f); err != nil {
			return err
		}
	}
	if d.failed > 0 {
		return fmt.Errorf("%d steps did not hold", d.failed)
	}
	fmt.Println("Every step held.")
	return nil
}

// show carries out a step and prints its line. A step that does not hold is
// counted, and the demo goes on, but not past its end or the first.
func (d *demo) show(ctx context.Context, what string, f func(context.Context) (string, error)) error {
	start := time.Now()
	said, err := f(ctx)
	took := time.Since(start).Round(time.Millisecond)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		d.failed++
		fmt.Printf("  FAILED  %s (%v)\n          %v\n", what, took, err)
		if d.client == nil {
			return errors.New("the cluster did not start")
		}
		return nil
	}
	fmt.Printf("  %8v  %s\n            %s\n", took, what, said)
	return nil
}

func (d *demo) start(ctx context.Context) (string, error) {
	if err := d.StartOMS("--lease", "2s"); err != nil {
		return "", err
	}
	for id, labels := range map[string]string{"k1": "region=eu,tier=cloud", "k2": "region=us,tier=cloud", "k3": "region=eu,tier=device"} {
		if err := d.StartKernel(id, "--labels", labels, "--checkpoints", filepath.Join(d.Dir, "checkpoints")); err != nil {
			return "", err
		}
	}
	var err error
	if d.client, err = client.Dial(ctx, d.OMS()); err != nil {
		return "", err
	}
	err = within(10*time.Second, func() error {
		nodes, err := d.client.Nodes(ctx)
		if err == nil && len(nodes) < 3 {
			err = fmt.Errorf("%d of 3 kernels joined", len(nodes))
		}
		return err
	})
	return "the OMS is at " + d.OMS(), err
}

var counters = map[string]string{
	"counter-c": "examples/counter/c/counter.wasm", "counter-rust": "examples/counter/rust/counter.wasm",
	"counter-as": "examples/counter/assemblyscript/counter.wasm",
}

func (d *demo) deployCounters(ctx context.Context) (string, error) {
	path, err := guestbuild.Build("examples/counter/go")
	if err != nil {
		return "", err
	}
	var where []string
	for _, c := range []struct{ name, path string }{
		{"counter-c", counters["counter-c"]}, {"counter-rust", counters["counter-rust"]}, {"counter-as", counters["counter-as"]}, {"counter-go", path},
	} {
		if _, err := d.Run(ctx, "deploy", c.path, "--name", c.name); err != nil {
			return "", err
		}
		g, err := d.client.Lookup(ctx, c.name)
		if err != nil {
			return "", err
		}
		where = append(where, c.name+" on "+g.Replicas[0].Node.ID)
	}
	return strings.Join(where, ", "), nil
}

func (d *demo) callCounters(ctx context.Context) (string, error) {
	var said []string
	for _, name := range []string{"counter-c", "counter-rust", "counter-as", "counter-go"} {
		if err := d.expect(ctx, "5", "invoke", name, "add", "5"); err != nil {
			return "", err
		}
		if err := d.expect(ctx, "7", "invoke", name, "add", "2"); err != nil {
			return "", err
		}
		said = append(said, name+" 7")
	}
	return "aminorun invoke NAME add 5; add 2: " + strings.Join(said, ", "), nil
}

// expect runs an aminorun command and compares what it printed.
func (d *demo) expect(ctx context.Context, want string, args ...string) error {
	got, err := d.Run(ctx, args...)
	if err != nil {
		return fmt.Errorf("aminorun %s: %w", strings.Join(args, " "), err)
	}
	if got != want {
		return fmt.Errorf("aminorun %s printed %s, want %s", strings.Join(args, " "), got, want)
	}
	return nil
}

// within repeats f until it holds.
func within(d time.Duration, f func() error) error {
	for end := time.Now().Add(d); ; time.Sleep(20 * time.Millisecond) {
		err := f()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
