package kernel

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

func TestGateWaitsForThoseInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, g.leave)
		if err := g.quiet(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("quiet after %v, want when the one inside left", d)
		}
	})
}

func TestGateClosedMakesCallersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.quiet(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, g.open)
		start := time.Now()
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("entered after %v, want when it opened", d)
		}
		g.leave()
	})
}

func TestGateQuietGivesUpAndOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.quiet(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("quiet = %v, want the deadline", err)
		}
		if err := g.enter(t.Context()); err != nil {
			t.Errorf("the gate stayed closed: %v", err)
		}
		g.leave()
		g.leave()
	})
}

func TestGateWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.quiet(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("enter = %v, want the deadline", err)
		}
		g.open()
		if err := g.quiet(t.Context()); err != nil {
			t.Errorf("one who gave up is still inside: %v", err)
		}
	})
}

func TestGateEndTurnsAllAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		end := errors.New("moved")
		if err := g.quiet(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error)
		go func() { waiting <- g.enter(t.Context()) }()
		synctest.Wait()
		g.finish(end)
		if err := <-waiting; err != end {
			t.Errorf("one who waited got %v", err)
		}
		if err := g.enter(t.Context()); err != end {
			t.Errorf("one who came later got %v", err)
		}
		if err := g.quiet(t.Context()); err != end {
			t.Errorf("quiet = %v after the end", err)
		}
	})
}

// A gate that is closed for one thing is not opened by the end of another.
func TestGateIsClosedByOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.quiet(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.quiet(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed twice: %v", err)
		}
		entered := make(chan error, 1)
		go func() { entered <- g.enter(t.Context()) }()
		synctest.Wait()
		if len(entered) > 0 {
			t.Error("the one who gave up opened what it had not closed")
		}
		g.open()
		if err := <-entered; err != nil {
			t.Error(err)
		}
		g.leave()
		if err := g.quiet(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Many goroutines pass while the gate is closed and opened; none is inside while
// it is quiet.
func TestGateHammer(t *testing.T) {
	var g gate
	var wg sync.WaitGroup
	state := 0 // only touched inside, or quiet
	var mu sync.Mutex
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				if err := g.enter(context.Background()); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				state++
				mu.Unlock()
				g.leave()
			}
		})
	}
	for range 200 {
		if err := g.quiet(context.Background()); err != nil {
			t.Fatal(err)
		}
		state++ // races with those inside, if there are any
		g.open()
	}
	wg.Wait()
	if state != 8*2000+200 {
		t.Errorf("state %d, want %d", state, 8*2000+200)
	}
}

// What a call inside may wait for passes a gate that is closed, until that is quiet.
func TestGateLetsInWhatOthersWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		quiet := make(chan error, 1)
		go func() { quiet <- g.quiet(t.Context()) }()
		synctest.Wait()
		if err := g.enterFor(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.leave()
		g.leave()
		if err := <-quiet; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.enterFor(ctx); err == nil {
			t.Error("it passed a gate that is quiet")
		}
		g.finish(abi.ErrMoved)
		if err := g.enterFor(t.Context()); !errors.Is(err, abi.ErrMoved) {
			t.Errorf("it passed a gate that has ended: %v", err)
		}
	})
}
