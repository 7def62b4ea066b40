package e2e

import (
	"context"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// A step is a transaction on a counter as its client saw it: it read first, added by,
// and read last. A plain call is one of a single add or get.
type step struct{ by, first, last int64 }

// maybe is what an add answers that may have run or not.
const maybe = math.MinInt64

// counting is a counter that takes one step at a time. A transaction in doubt that read
// took effect on what it read or not at all: anywhere else it changes nothing. As a
// counter only grows, that is also where the checker puts one that was rolled back. An
// add in doubt that was not made comes after all else.
var counting = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, _, output any) (bool, any) {
		n, s := state.(int64), output.(step)
		if s.last == maybe && s.first != maybe && s.first != n {
			return true, n
		}
		return (s.first == maybe || s.first == n) && (s.last == maybe || s.last == n+s.by), n + s.by
	},
}

// A story is what some clients did to a counter, each one step after another.
type story struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
	done atomic.Int64

	mu  sync.Mutex
	ops []porcupine.Operation
}

// tell starts clients, each of which takes steps until the end. A step returns false if
// it did not happen.
func tell(t *testing.T, take func(ctx context.Context, cl *client.Client, turn int) (step, bool), clients ...*client.Client) *story {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &story{stop: stop}
	t.Cleanup(func() { s.end() })
	began := time.Now()
	for i, cl := range clients {
		s.wg.Go(func() {
			for turn := i; ctx.Err() == nil; turn++ {
				at := time.Since(began)
				one, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				x, happened := take(one, cl, turn)
				cancel()
				if !happened {
					time.Sleep(5 * time.Millisecond)
					continue
				}
				end := time.Since(began)
				if x.last == maybe && x.by > 0 { // or at any later time
					end = math.MaxInt64
				} else {
					s.done.Add(1)
				}
				s.mu.Lock()
				s.ops = append(s.ops, porcupine.Operation{ClientId: i, Call: int64(at), Output: x, Return: int64(end)})
				s.mu.Unlock()
				if x.last == maybe {
					time.Sleep(200 * time.Millisecond)
				}
			}
		})
	}
	return s
}

func (s *story) more(t *testing.T, n int64) {
	t.Helper()
	want := s.done.Load() + n
	eventually(t, 30*time.Second, func() bool { return s.done.Load() >= want })
}

func (s *story) end() []porcupine.Operation {
	s.stop()
	s.wg.Wait()
	return s.ops
}

// linear fails the test unless the steps were taken as if one at a time, each between
// its call and its answer.
func (s *story) linear(t *testing.T) {
	t.Helper()
	ops := s.end()
	if result := porcupine.CheckOperationsTimeout(counting, ops, 20*time.Second); result != porcupine.Ok {
		t.Errorf("%d steps, of which %d were answered, are not linearizable: %v", len(ops), s.done.Load(), result)
	}
}

// call makes a plain add or get.
func call(name string) func(ctx context.Context, cl *client.Client, turn int) (step, bool) {
	return func(ctx context.Context, cl *client.Client, turn int) (step, bool) {
		if turn%8 > 0 {
			n, err := client.Invoke[int64](ctx, cl, name, "get")
			return step{0, n, n}, err == nil
		}
		n, err := client.Invoke[int64](ctx, cl, name, "add", 1)
		if err == nil {
			return step{1, n - 1, n}, true
		}
		ran := abi.CodeOf(err).Fate() != abi.NotRun && !strings.Contains(err.Error(), "did not run") && !strings.Contains(err.Error(), "not sent")
		return step{1, maybe, maybe}, ran
	}
}

// transaction makes a transaction of two reads and an add between two verbs.
func transaction(name, begin, commit string) func(ctx context.Context, cl *client.Client, turn int) (step, bool) {
	return func(ctx context.Context, cl *client.Client, turn int) (x step, happened bool) {
		if _, err := cl.Verb(ctx, name, begin, nil); err != nil {
			return x, false
		}
		defer func() {
			if !happened {
				_, _ = cl.Verb(ctx, name, "rollback", nil) // or its time runs out
			}
		}()
		var err error
		if x.first, err = client.Invoke[int64](ctx, cl, name, "get"); err != nil {
			return x, false
		}
		for range 1 + turn%3 {
			x.by++
			if _, err := client.Invoke[int64](ctx, cl, name, "add", 1); err != nil {
				return x, false
			}
		}
		if x.last, err = client.Invoke[int64](ctx, cl, name, "get"); err != nil {
			return x, false
		}
		_, err = cl.Verb(ctx, name, commit, nil)
		again := abi.CodeOf(err).Fate() == abi.Perhaps
		if again { // it may be sent again
			_, err = cl.Verb(ctx, name, commit, nil)
		}
		switch abi.CodeOf(err).Fate() {
		case abi.Perhaps:
			return step{x.by, x.first, maybe}, true
		case abi.NotRun:
			// Then only the second did not run: if the client's kernel was killed after it
			// passed the first on, another answers, which knows of no transaction.
			if again && !strings.Contains(err.Error(), "rolled back") {
				return step{x.by, x.first, maybe}, true
			}
		case abi.Ran:
			return x, true
		}
		return x, false
	}
}

// Callers on three kernels read copies of their own, and no one reads what another has
// seen replaced, while a caller's kernel is killed, and the replica's.
func TestConsistentCaching(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "PeriodicCheckpoint(every=1)", "--dm", "ConsistentCaching(ttl=1s)", "--on", "tier=cloud")
	cl := dial(t, c)
	s := tell(t, call("counter"), through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"), through(t, c, "k3"))
	s.more(t, 300)
	kill(t, c, "k3") // callers only
	s.more(t, 100)
	again(t, c, "k3")
	s.more(t, 300)
	at := where(t, cl, "counter")
	kill(t, c, at)
	eventually(t, 15*time.Second, func() bool { k := where(t, cl, "counter"); return k != "" && k != at })
	s.more(t, 300)
	again(t, c, at)
	run(t, c, "migrate", "counter", "--to", at)
	s.more(t, 300)
	s.linear(t)
	t.Logf("%d steps", s.done.Load())
}

// A caller reads old states, but never older than it has seen or written; and its copy
// is no older than its ttl.
func TestWriteThroughCaching(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "WriteThroughCaching(ttl=300ms)", "--on", "region=us")
	var wg sync.WaitGroup
	stale := atomic.Int64{}
	var last atomic.Int64
	for i, k := range []string{"k1", "k3"} {
		cl := through(t, c, k)
		wg.Go(func() {
			var seen int64
			for n := range 600 {
				newest, began := last.Load(), time.Now()
				method, args := "get", []any{}
				if n%20 == i {
					method, args = "add", []any{1}
				}
				v, err := client.Invoke[int64](t.Context(), cl, "counter", method, args...)
				if err != nil {
					t.Error(err)
					return
				}
				if v < seen {
					t.Errorf("the callers at %s saw %d, and then %d", k, seen, v)
				}
				if v < newest {
					stale.Add(1)
				}
				seen = v
				if method == "add" {
					last.Store(v)
				}
				time.Sleep(time.Millisecond)
				_ = began
			}
		})
	}
	wg.Wait()
	if stale.Load() == 0 {
		t.Error("no read was stale: this test showed nothing")
	}
	time.Sleep(400 * time.Millisecond)
	for _, k := range []string{"k1", "k2", "k3"} {
		if n := invoke[int64](t, through(t, c, k), "counter", "get"); n != 60 {
			t.Errorf("a copy at %s that is older than its ttl says %d, want 60", k, n)
		}
	}
}

// Transactions of clients on three kernels, and calls beside them, are as if one at a
// time, while kernels of clients are killed, and that of the microservice where it
// promises to outlive that.
func TestTransactions(t *testing.T) {
	for dm, verbs := range map[string][2]string{
		"LockingTransactions(ttl=1s)":    {"begin", "commit"},
		"OptimisticTransactions(ttl=1s)": {"begin", "commit"},
		"DurableTransactions(ttl=1s)":    {"begin", "commit"},
		"ExplicitCaching(ttl=1s)":        {"pull", "push"},
	} {
		t.Run(dm, func(t *testing.T) {
			t.Parallel()
			c := start(t, three...)
			run(t, c, "deploy", counter, "--dm", dm, "--on", "tier=cloud")
			run(t, c, "migrate", "counter", "--to", "k2")
			tx, plain, alone := transaction("counter", verbs[0], verbs[1]), call("counter"), through(t, c, "k1")
			s := tell(t, func(ctx context.Context, cl *client.Client, turn int) (step, bool) {
				if cl == alone {
					time.Sleep(10 * time.Millisecond)
					return plain(ctx, cl, turn)
				}
				return tx(ctx, cl, turn)
			}, through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"), alone)
			s.more(t, 100)
			kill(t, c, "k3") // a client dies in the middle
			s.more(t, 50)
			again(t, c, "k3")
			if dm == "DurableTransactions(ttl=1s)" {
				s.more(t, 50)
				kill(t, c, "k2")
				runsOn(t, dial(t, c), "counter", "k1")
				again(t, c, "k2")
			} else {
				run(t, c, "migrate", "counter", "--to", "k1")
			}
			s.more(t, 100)
			s.linear(t)
			t.Logf("%d steps", s.done.Load())
		})
	}
}

// The command's calls belong to one transaction by the name that it gives.
func TestTransactionOfACommand(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "LockingTransactions")
	anna := func(args ...string) []string {
		return append(append([]string{"invoke", "counter"}, args...), "--as", "anna", "--through", "k1")
	}
	want(t, c, "null", anna("--verb", "begin")...)
	want(t, c, "5", anna("add", "5")...)
	fails(t, c, 1, []string{"leased to another caller for"}, "invoke", "counter", "get", "--through", "k1")
	fails(t, c, 1, []string{"a transaction is open"}, anna("--verb", "begin")...)
	want(t, c, "null", anna("--verb", "commit")...)
	want(t, c, "5", "invoke", "counter", "get")
	fails(t, c, 1, []string{"nothing to rollback; begin first"}, anna("--verb", "rollback")...)
}

// TestCounting shows the checker stories that it must tell apart.
func TestCounting(t *testing.T) {
	op := func(from, to int64, by, first, last int64) porcupine.Operation {
		return porcupine.Operation{Call: from, Return: to, Output: step{by, first, last}}
	}
	for _, c := range []struct {
		name string
		good bool
		ops  []porcupine.Operation
	}{
		{"in order", true, []porcupine.Operation{op(0, 1, 2, 0, 2), op(2, 3, 0, 2, 2)}},
		{"a stale read", false, []porcupine.Operation{op(0, 1, 2, 0, 2), op(2, 3, 0, 0, 0)}},
		{"a lost transaction", false, []porcupine.Operation{op(0, 1, 2, 0, 2), op(2, 3, 1, 0, 1)}},
		{"two that began with one state", false, []porcupine.Operation{op(0, 5, 2, 0, 2), op(1, 6, 1, 0, 1)}},
		{"one in doubt, seen", true, []porcupine.Operation{op(0, math.MaxInt64, 2, 0, maybe), op(2, 3, 0, 2, 2)}},
		{"one in doubt that read, not seen", true, []porcupine.Operation{op(0, math.MaxInt64, 2, 0, maybe), op(2, 3, 1, 0, 1), op(4, 5, 0, 1, 1)}},
		{"one in doubt, seen on what it did not read", false, []porcupine.Operation{op(0, math.MaxInt64, 2, 0, maybe), op(2, 3, 1, 0, 1), op(4, 5, 0, 3, 3)}},
		{"one in doubt, seen in part", false, []porcupine.Operation{op(0, math.MaxInt64, 2, 0, maybe), op(2, 3, 0, 1, 1)}},
		{"one in doubt, seen and then not", false, []porcupine.Operation{op(0, math.MaxInt64, 2, 0, maybe), op(2, 3, 0, 2, 2), op(4, 5, 0, 0, 0)}},
		{"one in doubt, not seen", true, []porcupine.Operation{op(0, math.MaxInt64, 2, maybe, maybe), op(2, 3, 0, 0, 0)}},
	} {
		if porcupine.CheckOperations(counting, c.ops) != c.good {
			t.Errorf("%s: the checker says otherwise", c.name)
		}
	}
}
