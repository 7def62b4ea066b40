package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// An op is a call that adds one to a counter, as its caller saw it.
type op struct {
	caller     int
	start, end time.Time
	value      int64 // the answer
	err        error
}

// A load is clients that add to a counter, each one call after another, until it is
// stopped.
type load struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
	acks atomic.Int64

	mu  sync.Mutex
	ops []op
}

// addTo starts a load on a counter's method. A call has no deadline but the
// microservice's own, and one that fails is followed by another a little later.
func addTo(t *testing.T, name, method string, clients ...*client.Client) *load {
	t.Helper()
	return addBy(t, name, method, 1, clients...)
}

// addBy is addTo with calls that add a number.
func addBy(t *testing.T, name, method string, by int64, clients ...*client.Client) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop}
	t.Cleanup(func() { l.end() })
	for i, cl := range clients {
		l.wg.Go(func() {
			for ctx.Err() == nil {
				x := op{caller: i, start: time.Now()}
				x.value, x.err = client.Invoke[int64](context.WithoutCancel(ctx), cl, name, method, by)
				x.end = time.Now()
				l.mu.Lock()
				l.ops = append(l.ops, x)
				l.mu.Unlock()
				if x.err == nil {
					l.acks.Add(1)
				} else {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	return l
}

// more waits until n more calls are answered.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	want := l.acks.Load() + n
	eventually(t, 20*time.Second, func() bool { return l.acks.Load() >= want })
}

// end stops the clients and returns what they saw.
func (l *load) end() []op {
	l.stop()
	l.wg.Wait()
	return l.ops
}

// failed returns the errors of a history.
func failed(ops []op) (errs []error) {
	for _, x := range ops {
		if x.err != nil {
			errs = append(errs, x.err)
		}
	}
	return errs
}

// linearizable returns why no single counter, which began at from, can have answered
// like this. A call that failed may have been counted, if its error leaves that open:
// at most times times.
func linearizable(ops []op, from int64, times int) error {
	var acked []op
	open := 0
	for _, x := range ops {
		switch {
		case x.err == nil:
			acked = append(acked, x)
		case abi.CodeOf(x.err).Fate() != abi.NotRun:
			open += times
		}
	}
	slices.SortFunc(acked, func(a, b op) int { return cmp.Compare(b.value, a.value) })
	for i, x := range acked {
		if i > 0 && acked[i-1].value == x.value {
			return fmt.Errorf("callers %d and %d were both answered %d", acked[i-1].caller, x.caller, x.value)
		}
	}
	if n := int64(len(acked)); n > 0 && (acked[n-1].value <= from || acked[0].value > from+n+int64(open)) {
		return fmt.Errorf("%d calls answered and %d in doubt, and the answers go from %d to %d; the counter began at %d",
			n, open, acked[n-1].value, acked[0].value, from)
	}
	var soonest op // of those with greater answers, the one that ended first
	for i, x := range acked {
		if i > 0 && soonest.end.Before(x.start) {
			return fmt.Errorf("caller %d was answered %d before caller %d, who was answered %d, began (by %v)",
				soonest.caller, soonest.value, x.caller, x.value, x.start.Sub(soonest.end))
		}
		if i == 0 || x.end.Before(soonest.end) {
			soonest = x
		}
	}
	return nil
}

// TestLinearizable shows the checker histories that it must tell apart.
func TestLinearizable(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	ran := abi.ErrUnavailable
	for _, c := range []struct {
		name string
		good bool
		ops  []op
	}{
		{"in order", true, []op{{0, at(0), at(1), 1, nil}, {1, at(2), at(3), 2, nil}}},
		{"overlapping, the other way round", true, []op{{0, at(0), at(5), 2, nil}, {1, at(1), at(3), 1, nil}}},
		{"the same answer twice", false, []op{{0, at(0), at(5), 1, nil}, {1, at(1), at(3), 1, nil}}},
		{"an answer of the past", false, []op{{0, at(0), at(1), 2, nil}, {1, at(2), at(3), 1, nil}}},
		{"an answer from nowhere", false, []op{{0, at(0), at(1), 2, nil}}},
		{"a call in doubt was counted", true, []op{{0, at(0), at(1), 0, ran}, {0, at(2), at(3), 2, nil}}},
		{"a call in doubt was not counted", true, []op{{0, at(0), at(1), 0, ran}, {0, at(2), at(3), 1, nil}}},
		{"a refused call was counted", false, []op{{0, at(0), at(1), 0, abi.ErrOverloaded}, {0, at(2), at(3), 2, nil}}},
		{"a lost one", false, []op{{0, at(0), at(1), 1, nil}, {0, at(2), at(3), 2, nil}, {1, at(4), at(5), 2, nil}}},
	} {
		if err := linearizable(c.ops, 0, 1); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := errors.Join(failed([]op{{err: ran}, {}})...); !errors.Is(err, ran) {
		t.Errorf("failed = %v", err)
	}
}
