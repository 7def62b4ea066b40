package serializability_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/serializability"
)

// overlap returns the most calls at once that pass an instance to a handler that
// takes a second, of five made together.
func overlap(t *testing.T, dm dms.Instancer) (most int) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now := 0
		h := dm.Instance(nil, func(context.Context, dms.Call) ([]byte, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil, nil
		})
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				if _, err := h(t.Context(), dms.Call{}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
	})
	return most
}

type broken struct{}

func (broken) Instance(_ dms.Callee, next dms.Handler) dms.Handler { return next }

func TestOneCallAtATime(t *testing.T) {
	if n := overlap(t, new(serializability.SerializableRPC)); n != 1 {
		t.Errorf("%d calls at once", n)
	}
	if n := overlap(t, broken{}); n != 5 {
		t.Errorf("without SerializableRPC there should be 5 calls at once, not %d", n)
	}
}

// A call that gives up while it waits does not run.
func TestWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		h := new(serializability.SerializableRPC).Instance(nil, func(context.Context, dms.Call) ([]byte, error) {
			ran++
			time.Sleep(3 * time.Second)
			return nil, nil
		})
		go func() { _, _ = h(t.Context(), dms.Call{}) }() // answered with nothing
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h(ctx, dms.Call{}); err == nil || ran != 1 {
			t.Errorf("%v; %d calls ran", err, ran)
		}
		time.Sleep(3 * time.Second)
	})
}

// What a guest runs is seen by all, in the order in which it ran.
func TestSuite(t *testing.T) {
	dmtest.Suite(t, dmtest.Promises{Chain: []string{"SerializableRPC"}})
}
