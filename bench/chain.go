package main

import (
	"context"
	"fmt"

	"amino.run/dms"
)

// idle is a DM that does nothing, at both ends. A chain has no DM twice, so each N
// makes one more.
type idle[N any] struct{}

func (*idle[N]) Proxy(_ dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) { return next(ctx, call) }
}

func (*idle[N]) Instance(_ dms.Callee, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) { return next(ctx, call) }
}

func init() {
	dms.Register("Idle0", func() dms.DM { return new(idle[[0]byte]) })
	dms.Register("Idle1", func() dms.DM { return new(idle[[1]byte]) })
	dms.Register("Idle2", func() dms.DM { return new(idle[[2]byte]) })
	dms.Register("Idle3", func() dms.DM { return new(idle[[3]byte]) })
}

// benchChain measures what a DM of a chain costs when it does nothing.
func benchChain(ctx context.Context, w *world) error {
	const most = 4
	args := mustArgs(1)
	var subjects []subject
	for _, n := range []int{0, most} {
		name := fmt.Sprintf("idle-%d", n)
		chain := make([]string, n)
		for i := range chain {
			chain[i] = fmt.Sprintf("Idle%d", i)
		}
		if err := w.deploy(ctx, counterWasm, name, "k1", chain...); err != nil {
			return err
		}
		subjects = append(subjects, subject{name, func(int) error {
			_, err := w.k1.Call(ctx, name, "add", args)
			return err
		}})
	}
	rs, err := compare(1, subjects)
	if err != nil {
		return err
	}
	cost := medianOf(rs[1], func(i int, r result) float64 { return float64(r.latency-rs[0][i].latency) / most })
	heading("A chain of DMs that do nothing, local call")
	fmt.Printf("  none %v, %d of them %v: %.0f ns each\n", latency(rs[0]), most, latency(rs[1]), cost)
	return nil
}
