package dmtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A hoarder keeps calls that write at the caller until the next one comes, or until its
// place is taken.
type hoarder struct{ careless bool }

func (d hoarder) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	var kept *dms.Call
	mu := dms.NewMutex()
	flush := func(ctx context.Context) (err error) {
		if kept != nil {
			_, err = next(ctx, *kept)
			kept = nil
		}
		return err
	}
	if !d.careless {
		c.OnDrain(flush)
	}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		if err := flush(ctx); err != nil {
			return nil, err
		}
		if call.ReadOnly {
			return next(ctx, call)
		}
		kept = &call
		return abi.Encode(0)
	}
}

func TestSwitchHasProxiesGiveBack(t *testing.T) {
	for _, careless := range []bool{false, true} {
		inBubble(t, dms.Chain{hoarder{careless}}, func(t *testing.T, cl *Cluster) {
			a, b := cl.Client("a"), cl.Client("b")
			a.Add(t, 1)
			b.Add(t, 2)
			if err := cl.Switch(nil); err != nil {
				t.Fatal(err)
			}
			if careless {
				a.Want(t)
			} else {
				a.Want(t, 1, 2)
			}
		})
	}
}

// A switch that has to wait for too long, or that placement refuses, changes nothing.
func TestSwitchGivenUp(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		a := cl.Client("a")
		var slow sync.WaitGroup
		slow.Go(func() {
			if err := a.Do(t.Context(), nil, "append", 1, 20000); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		start := time.Now()
		WantError(t, cl.Switch(dms.Chain{hoarder{}}), abi.ErrOverloaded)
		if took := time.Since(start); took != drainTime {
			t.Errorf("it was given up after %v", took)
		}
		slow.Wait()
		WantError(t, cl.Switch(dms.Chain{nowhere{}}), abi.ErrPlacement)
		a.Want(t, 1)
		if len(cl.now().chain) != 0 {
			t.Errorf("the chain is %v", cl.now().chain)
		}
	})
}

type nowhere struct{}

func (nowhere) Coordinator(g dms.Group) { g.Allow(func(dms.Node) bool { return false }) }

// Calls that wait go on by the new chain, also those that clients begin with what they
// had before.
func TestSwitchUnderClients(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		a, b := cl.Client("a"), cl.Client("b")
		var calls sync.WaitGroup
		calls.Go(func() { b.Add(t, 1) })
		for i := range 3 {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				if err := a.Do(t.Context(), nil, "append", 10+i, 1500); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Second)
		if err := cl.Switch(dms.Chain{hoarder{}}); err != nil {
			t.Fatal(err)
		}
		calls.Wait()
		if err := cl.Switch(nil); err != nil {
			t.Fatal(err)
		}
		b.Want(t, 1, 10, 11, 12)
	})
}
