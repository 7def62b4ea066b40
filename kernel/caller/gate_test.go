package caller

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// enters has n calls try to enter, and returns how many have.
func enters(t *testing.T, g *gate, n int, nested bool) *atomic.Int64 {
	var in atomic.Int64
	for range n {
		go func() {
			if g.enter(t.Context(), nested) == nil {
				in.Add(1)
			}
		}()
	}
	synctest.Wait()
	return &in
}

func TestGateHoldsAndOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if in := enters(t, &g, 3, false); in.Load() != 3 {
			t.Fatalf("%d of 3 entered an open gate", in.Load())
		}
		if g.quiet(t.Context(), time.Second) {
			t.Error("quiet with three inside")
		}
		waiting := enters(t, &g, 2, false)
		time.AfterFunc(time.Second, func() { g.leave(); g.leave(); g.leave() })
		start := time.Now()
		if !g.quiet(t.Context(), time.Minute) || time.Since(start) != time.Second {
			t.Errorf("not quiet %v after all left", time.Since(start)-time.Second)
		}
		if waiting.Load() != 0 {
			t.Error("a call entered a closed gate")
		}
		if !g.quiet(t.Context(), 0) {
			t.Error("not quiet the second time")
		}
		g.open()
		synctest.Wait()
		if waiting.Load() != 2 {
			t.Errorf("%d of 2 entered when it opened", waiting.Load())
		}
		g.leave()
		g.leave()
		g.open() // twice is no harm
	})
}

// Nested calls pass each time the gate is closed again, and not between.
func TestGateLetsNestedCallsPassInRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.close()
		nested, outer := enters(t, &g, 2, true), enters(t, &g, 2, false)
		if nested.Load() != 0 {
			t.Error("a nested call entered a closed gate")
		}
		if g.quiet(t.Context(), time.Second) {
			t.Error("quiet, though nested calls were let in")
		}
		synctest.Wait()
		if nested.Load() != 2 || outer.Load() != 0 {
			t.Errorf("%d nested and %d other calls entered, want 2 and 0", nested.Load(), outer.Load())
		}
		later := enters(t, &g, 1, true)
		g.leave()
		g.leave()
		if later.Load() != 0 {
			t.Error("a nested call entered between two rounds")
		}
		g.quiet(t.Context(), 0)
		synctest.Wait()
		if later.Load() != 1 {
			t.Error("a nested call was not let in by the next round")
		}
		g.leave()
		g.open()
	})
}

// Those who give up are not counted, whether they have been let in meanwhile or not.
func TestGateAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.close()
		for _, nested := range []bool{false, true} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := g.enter(ctx, nested); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("nested %v: %v", nested, err)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		go g.enter(ctx, true)
		synctest.Wait()
		cancel()
		g.quiet(t.Context(), 0)
		synctest.Wait()
		if !g.quiet(t.Context(), 0) {
			t.Error("a call that gave up is counted as inside")
		}
		g.open()
	})
}

func TestGateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context(), false); err != nil || g.ended() {
			t.Fatal(err)
		}
		g.close()
		end := errors.New("the end")
		errs := make(chan error, 2)
		for _, nested := range []bool{false, true} {
			go func() { errs <- g.enter(t.Context(), nested) }()
		}
		synctest.Wait()
		g.finish(end)
		for range 2 {
			if err := <-errs; err != end {
				t.Errorf("who waits gets %v", err)
			}
		}
		g.open()
		g.finish(errors.New("another"))
		if err := g.enter(t.Context(), false); err != end || !g.ended() {
			t.Errorf("who comes late gets %v", err)
		}
		g.leave()
	})
}
