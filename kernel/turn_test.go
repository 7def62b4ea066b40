package kernel

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

// Those who have waited longer than a moment are served in their order, and before
// newcomers.
func TestTurnPassesNoOneOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		turn.lock(t.Context(), 1, false)
		var order []uint64
		var wg sync.WaitGroup
		for root := uint64(2); root < 6; root++ {
			wg.Go(func() {
				if err := turn.lock(t.Context(), root, false); err != nil {
					t.Error(err)
				}
				order = append(order, root)
				time.Sleep(time.Millisecond)
				turn.unlock()
			})
			synctest.Wait()
		}
		time.Sleep(2 * patience)
		turn.unlock()
		turn.lock(t.Context(), 9, false)
		order = append(order, 9)
		turn.unlock()
		wg.Wait()
		if want := []uint64{2, 3, 4, 5, 9}; !slices.Equal(order, want) {
			t.Fatalf("served in the order %v, want %v", order, want)
		}
	})
}

// Goroutines that hammer one turn exclude each other, whoever gives up meanwhile.
func TestTurnHammer(t *testing.T) {
	var turn turn
	var wg sync.WaitGroup
	inside := 0
	for i := range 16 {
		wg.Go(func() {
			for n := range 2000 {
				ctx, cancel := context.WithCancel(context.Background())
				if n%7 == i%7 {
					cancel()
				}
				if err := turn.lock(ctx, uint64(i), false); err == nil {
					inside++ // a race if two are in
					turn.unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if err := turn.lock(t.Context(), 1, false); err != nil || len(turn.queue) != 0 {
		t.Errorf("the turn was lost after %d: %v, %d in the queue", inside, err, len(turn.queue))
	}
}

func TestTurnWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		turn.lock(t.Context(), 1, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := turn.lock(ctx, 2, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("lock = %v", err)
		}
		turn.unlock()
		if err := turn.lock(t.Context(), 3, false); err != nil {
			t.Errorf("the turn was lost with the one who gave up: %v", err)
		}
	})
}

func TestTurnRefusesARing(t *testing.T) {
	tests := []struct {
		name           string
		parkedFirst    bool
		root           uint64 // of the one who waits for tree 5
		nested, refuse bool
	}{
		{"younger nested call of a parked tree", true, 6, true, true},
		{"older nested call of a parked tree", true, 4, true, false},
		{"call from outside", true, 6, false, false},
		{"younger nested call, parked later", false, 6, true, true},
		{"older nested call, parked later", false, 4, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var turn turn
				turn.lock(t.Context(), 5, false)
				if tt.parkedFirst {
					turn.park()
				}
				got := make(chan error, 1)
				go func() { got <- turn.lock(t.Context(), tt.root, tt.nested) }()
				synctest.Wait()
				if !tt.parkedFirst {
					turn.park()
				}
				turn.unpark()
				turn.unlock()
				if err := <-got; errors.Is(err, abi.ErrReentrant) != tt.refuse {
					t.Errorf("lock = %v, want refused: %v", err, tt.refuse)
				}
			})
		})
	}
}

// Trees that take two guests each, in any order, while parked in the first,
// always come to an end: some are refused, none waits for ever.
func TestTurnNeverDeadlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guests := make([]turn, 3)
		var wg sync.WaitGroup
		done, refused := 0, 0
		var mu sync.Mutex
		for root := uint64(1); root <= 60; root++ {
			a := rand.IntN(3)
			b := (a + 1 + rand.IntN(2)) % 3
			wg.Go(func() {
				for {
					guests[a].lock(t.Context(), root, false)
					time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
					guests[a].park()
					err := guests[b].lock(t.Context(), root, true)
					if err == nil {
						time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
						guests[b].unlock()
					}
					guests[a].unpark()
					guests[a].unlock()
					mu.Lock()
					if err == nil {
						done++
						mu.Unlock()
						return
					}
					refused++
					mu.Unlock()
					time.Sleep(time.Millisecond)
				}
			})
		}
		wg.Wait() // synctest fails the test if all are blocked for ever
		if done != 60 {
			t.Errorf("%d of 60 trees came through", done)
		}
		t.Logf("%d calls were refused and made again", refused)
	})
}

// A finished turn turns away those who wait and those who come, and waits for the
// one inside.
func TestTurnFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		over := errors.New("over")
		turn.lock(t.Context(), 1, false)
		var wg sync.WaitGroup
		var turned atomic.Int32
		for root := uint64(2); root < 5; root++ {
			wg.Go(func() {
				if err := turn.lock(t.Context(), root, false); err != over {
					t.Errorf("a waiter got %v, want the end", err)
				}
				turned.Add(1)
			})
			synctest.Wait()
		}
		var done atomic.Bool
		go func() { done.Store(turn.finish(over)) }()
		synctest.Wait()
		wg.Wait()
		if turned.Load() != 3 || done.Load() {
			t.Errorf("%d of 3 waiters were turned away, and finish is done: %v", turned.Load(), done.Load())
		}
		if turn.finish(over) {
			t.Error("finished twice")
		}
		if err := turn.lock(t.Context(), 9, false); err != over {
			t.Errorf("a newcomer got %v, want the end", err)
		}
		turn.unlock()
		synctest.Wait()
		if !done.Load() {
			t.Error("finish still waits, and no one is inside")
		}
	})
}
