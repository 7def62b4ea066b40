package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"amino.run/kernel/client"
)

// benchStart measures from the start of the process `aminorun dev` to the first
// answered call of a microservice deployed in it, compiled before by an earlier run.
func benchStart(ctx context.Context, w *world) error {
	bin := filepath.Join(w.dir, "aminorun")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/aminorun")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build aminorun: %w", err)
	}
	first := true
	d, err := median(6, func() (time.Duration, error) {
		d, err := startOnce(ctx, bin)
		if first { // fills the cache
			first, d = false, 0
		}
		return d, err
	})
	if err != nil {
		return err
	}
	heading("From the start of `aminorun dev` to the first answered call, compiled before")
	fmt.Printf("  %v\n", d.Round(time.Millisecond))
	return nil
}

func startOnce(ctx context.Context, bin string) (time.Duration, error) {
	start := time.Now()
	cmd := exec.CommandContext(ctx, bin, "dev", "--listen", "127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(line, "ready at ")
	addr, _, _ := strings.Cut(rest, ": ")
	c, err := client.Dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	wasm, err := os.ReadFile(counterWasm)
	if err != nil {
		return 0, err
	}
	m, err := c.PutModule(ctx, wasm)
	if err != nil {
		return 0, err
	}
	if _, err := c.Deploy(ctx, client.Spec{Name: "counter", Module: m.Digest}, nil); err != nil {
		return 0, err
	}
	if _, err := c.Call(ctx, "counter", "add", mustArgs(1)); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}
