package main

import (
	"context"
	"fmt"
	"os"

	"amino.run/abi"
	"amino.run/host"
)

// benchCalls compares a call of a Go method, of a guest's, and of a guest's
// through the kernel it runs on.
func benchCalls(ctx context.Context, w *world) error {
	if err := w.deploy(ctx, counterWasm, "local", "k1"); err != nil {
		return err
	}
	args := mustArgs(1)
	inst, err := newInstance(ctx, w.engine)
	if err != nil {
		return err
	}
	native := &nativeCounter{}
	subjects := []subject{
		{"native method", func(int) error { native.add(1); return nil }},
		{"guest, entered by the host", func(int) error {
			_, err := inst.Invoke(ctx, abi.Method, 0, "add", args)
			return err
		}},
		{"guest, through its kernel", func(int) error {
			_, err := w.k1.Call(ctx, "local", "add", args)
			return err
		}},
	}
	rs, err := compare(1, subjects)
	if err != nil {
		return err
	}
	heading("A call of counter.add(1), C guest, no DM, one caller")
	for i, s := range subjects {
		fmt.Printf("  %-28s %10v   x native %8.1f   x guest %5.2f\n", s.name, latency(rs[i]), latencyRatio(rs[i], rs[0]), latencyRatio(rs[i], rs[1]))
	}
	return nil
}

type nativeCounter struct{ n int64 }

//go:noinline
func (c *nativeCounter) add(by int64) int64 { c.n += by; return c.n }

// newInstance returns the counter as the host runs it, without a kernel.
func newInstance(ctx context.Context, e host.Engine) (host.Instance, error) {
	wasm, err := os.ReadFile(counterWasm)
	if err != nil {
		return nil, err
	}
	p, err := host.Prepare(wasm)
	if err != nil {
		return nil, err
	}
	m, err := e.Compile(ctx, p)
	if err != nil {
		return nil, err
	}
	inst, err := m.Instantiate(ctx, host.Config{Env: host.Alone{}}, nil)
	if err != nil {
		return nil, err
	}
	if err := inst.Boot(ctx); err != nil {
		return nil, err
	}
	_, err = inst.Invoke(ctx, abi.Constructor, 0, "", nil)
	return inst, err
}
