package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/host/hosttest"
	"amino.run/host/hosttest/testguest"
	"amino.run/internal/api"
)

// work is calls that ask the host for all there is and leave traces all over a
// guest's heap. Every other only reads.
func work(t *testing.T, from, n int) (calls []dms.Call) {
	add := func(method string, readonly bool, v ...any) {
		calls = append(calls, dms.Call{Method: method, Args: args(t, v...), ReadOnly: readonly})
	}
	for k := from; k < from+n; k++ {
		key := fmt.Sprintf("key %d", k*7919%100)
		add("put", false, key, fmt.Sprintf("value %d of many, long enough to live on the heap", k))
		add("get", true, key)
		add("count", false, k)
		add("time", true)
		add("relay", false, "other", "do", key)
		add("dice", true, k)
		add("dice", false, k)
		add("reverse", true, bytes.Repeat([]byte{byte(k)}, 1000))
		add("fail", false, "on purpose")
		add("keys", true)
	}
	return calls
}

// run makes calls of x and returns what it says to each.
func run(ctx context.Context, x *guest, calls []dms.Call) (said []string) {
	for _, c := range calls {
		out, err := x.invoke(ctx, c)
		said = append(said, fmt.Sprint(c.Method, " ", abi.Diag(out), err))
	}
	return said
}

// follow returns the digest of y after the calls that a record has.
func follow(t *testing.T, y *guest, calls []dms.Call, r *host.Record, want []string) string {
	t.Helper()
	ctx, done := y.replaying(t.Context(), r)
	for k, got := range run(ctx, y, calls) {
		if got != want[k] {
			t.Fatalf("call %d: the follower says %s, not %s", k, got, want[k])
		}
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	return digest(t, y)
}

// whole is the state as it is, with nothing left out.
func whole(t *testing.T, x *guest) string {
	t.Helper()
	img, err := x.inst.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return img.Digest()
}

func other() *outside {
	return &outside{invoke: func(call dms.Call) ([]byte, error) { return call.Args[1:], nil }}
}

// A call that is undone leaves no trace, whatever the guest is written in and
// whatever it did before.
func TestRewindIsExact(t *testing.T) {
	for language, module := range hosttest.Guests(t, "..") {
		t.Run(language, func(t *testing.T) {
			x, y := pair(t, other(), module)
			trap := dms.Call{Method: "trap"}
			var calls []dms.Call
			for k := range 4 {
				calls = append(append(calls, work(t, 5*k, 5)...), trap)
				if k == 2 {
					calls = append(calls, trap)
				}
			}
			ctx, r := x.recording(t.Context())
			said := run(ctx, x, calls)
			for k, c := range calls {
				if c.Method == "trap" && !strings.Contains(said[k], "the state is the one before the call") {
					t.Errorf("call %d: %s", k, said[k])
				}
			}
			if follow(t, y, calls, r(), said) != whole(t, x) {
				t.Error("the states differ")
			}
			if v := x.version.Load(); v != 100 || v != y.version.Load() {
				t.Errorf("versions %d and %d after 100 calls that may write", v, y.version.Load())
			}
		})
	}
}

// A guest that is exact shows no trace of what was read.
func TestReadsLeaveNoTrace(t *testing.T) {
	for language, module := range hosttest.Guests(t, "..") {
		t.Run(language, func(t *testing.T) {
			x, y := pair(t, other(), module)
			x.keepExact()
			var writes []dms.Call
			var said []string
			ctx, r := x.recording(t.Context())
			for k, c := range append(work(t, 0, 15), dms.Call{Method: "count", Args: args(t, 1)}) {
				if c.ReadOnly {
					for range k % 4 { // some, none, or many
						if _, err := x.invoke(t.Context(), c); err != nil {
							t.Fatal(err)
						}
					}
					continue
				}
				writes = append(writes, c)
				said = append(said, run(ctx, x, []dms.Call{c})...)
			}
			if follow(t, y, writes, r(), said) != whole(t, x) {
				t.Error("the states differ")
			}
			before := digest(t, x)
			run(t.Context(), x, work(t, 0, 1)[1:2])
			if digest(t, x) != before {
				t.Error("a snapshot shows what was read")
			}
			x.invoke(t.Context(), dms.Call{Method: "trap", ReadOnly: true})
			if whole(t, x) != before {
				t.Error("a call that only read, and was undone, left a trace")
			}
		})
	}
}

// Reads see all that was written, however that came about.
func TestReadsSeeWrites(t *testing.T) {
	x := mustStart(t, compiled(t, conformance(t)), api.Spec{})
	x.keepExact()
	count := func(by int, readonly bool) string {
		t.Helper()
		out, err := x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, by), ReadOnly: readonly})
		if err != nil {
			t.Fatal(err)
		}
		return abi.Diag(out)
	}
	see := func(why, want string) {
		t.Helper()
		if got := count(0, true); got != want {
			t.Errorf("%s a read sees %s, want %s", why, got, want)
		}
	}
	see("at first", "0")
	count(1, false)
	see("after a write", "1")
	s := mustSnapshot(t, x)
	count(1, false)
	see("after another", "2")
	see("after a read", "2")
	count(5, true)
	count(1, false)
	see("after a read that lied", "3")
	for _, readonly := range []bool{true, false} {
		x.invoke(t.Context(), dms.Call{Method: "trap", ReadOnly: readonly})
		see("after a call that was undone", "3")
	}
	x.invoke(t.Context(), dms.Call{Verb: dms.Replace, Args: s.Image, ID: s.Version})
	see("after the state was replaced", "1")
}

// Replicas that are exact may read in a call that is in the log, too.
func TestReadsInARecord(t *testing.T) {
	x, y := pair(t, other(), conformance(t))
	x.keepExact()
	y.keepExact()
	calls := work(t, 0, 5)
	ctx, r := x.recording(t.Context())
	said := run(ctx, x, calls)
	if follow(t, y, calls, r(), said) != digest(t, x) {
		t.Error("the states differ")
	}
}

func TestHistoryIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		call dms.Call
		n    int // of which no capture is older
	}{
		"calls":      {dms.Call{Method: "count", Args: args(t, 1)}, 2000},
		"arguments":  {dms.Call{Method: "reverse", Args: args(t, bytes.Repeat([]byte{1}, 10_000))}, 10},
		"large ones": {dms.Call{Method: "reverse", Args: args(t, bytes.Repeat([]byte{1}, 1_000_000))}, 1},
		"records":    {dms.Call{Method: "dice", Args: args(t, 10_000)}, 10},
		"large":      {dms.Call{Method: "dice", Args: args(t, 1_000_000)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			x := mustStart(t, compiled(t, conformance(t)), api.Spec{})
			trimmed := 0
			for range 2*c.n + 100 {
				run(t.Context(), x, []dms.Call{c.call})
				if x.since.n == 0 {
					trimmed++
				}
				if x.since.n >= c.n || x.since.gap || len(x.since.calls)+len(x.since.record.Bytes()) > 2*historyBytes+int(x.inst.Usage().Memory/8) {
					t.Fatalf("%d calls are kept, in %d bytes", x.since.n, len(x.since.calls)+len(x.since.record.Bytes()))
				}
			}
			if trimmed == 0 {
				t.Error("there was no capture")
			}
			if _, err := x.invoke(t.Context(), dms.Call{Method: "trap"}); abi.AsError(err).State != abi.StateBefore {
				t.Error(err)
			}
		})
	}
}

// A guest that computes for long is captured after fewer calls, a large one after more.
func TestHistoryIsBoundedByFuel(t *testing.T) {
	for _, c := range []struct {
		fuel, memory uint64
		room         bool
	}{
		{historyFuel - 7, 0, true},
		{historyFuel - 6, 0, false},
		{historyFuel - 6, host.PageSize, true},
	} {
		h := history{}
		h.add(&dms.Call{Method: "m"}, &host.Record{}, 7, 0)
		if room := h.add(&dms.Call{Method: "m"}, &host.Record{}, c.fuel, c.memory); room != c.room || h.n != 2 {
			t.Errorf("%+v: room for more: %v", c, room)
		}
		if h.reset(); !h.add(&dms.Call{Method: "m"}, &host.Record{}, historyFuel, 0) {
			t.Error("after a capture there is no room")
		}
	}
}

// Calls that cannot be made again are lost, and the error says so.
func TestRewindFallsBack(t *testing.T) {
	for name, spoil := range map[string]func(h *history){
		"another record": func(h *history) { h.record = host.Record{} },
		"a gap":          func(h *history) { h.gap = true },
	} {
		t.Run(name, func(t *testing.T) {
			x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{})
			tick(t, x)
			mustSnapshot(t, x)
			tick(t, x)
			tick(t, x)
			before := x.version.Load()
			spoil(x.since)
			_, err := x.invoke(t.Context(), dms.Call{Method: "t"})
			if e := abi.AsError(err); e == nil || e.Code != abi.Trap || e.State != abi.StateSnapshot || !strings.Contains(e.Msg, "calls since then are undone: ") {
				t.Errorf("got %+v", e)
			}
			if x.version.Load() <= before {
				t.Error("the version says that nothing changed")
			}
			if n := tick(t, x); n != 2 {
				t.Errorf("the state has %d calls, want 1", n-1)
			}
			if _, err := x.invoke(t.Context(), dms.Call{Method: "t"}); abi.AsError(err).State != abi.StateBefore {
				t.Errorf("the next: %v", err)
			}
		})
	}
}

// A blindInstance gives no snapshots.
type blindInstance struct{ host.Instance }

func (blindInstance) Snapshot() (*host.Image, error) { return nil, errors.New("no memory") }

// Where a call is not kept and no capture can be taken, what there is is not held for
// the state before the call.
func TestRewindKnowsOfGaps(t *testing.T) {
	for name, c := range map[string]struct {
		call dms.Call
		kept bool
	}{
		"too large to keep":   {dms.Call{Method: "reverse", Args: args(t, bytes.Repeat([]byte{1}, 1_000_000))}, true},
		"too large to record": {dms.Call{Method: "count", Args: args(t, 1)}, false},
	} {
		x := mustStart(t, compiled(t, conformance(t)), api.Spec{})
		x.inst = blindInstance{x.inst}
		x.enter(t.Context(), x.inst, c.call, x.env)
		x.version.Add(1)
		x.note(&c.call, c.kept, 1)
		if _, err := x.invoke(t.Context(), dms.Call{Method: "trap"}); abi.AsError(err).State != abi.StateSnapshot {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A guest that fails again and again does not make the same calls again each time.
func TestRewindOnce(t *testing.T) {
	x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{})
	tick(t, x)
	x.invoke(t.Context(), dms.Call{Method: "t"})
	if x.since.n != 0 {
		t.Errorf("%d calls would be made again", x.since.n)
	}
	tick(t, x)
	if x.since.n != 1 {
		t.Errorf("%d calls are kept, want 1", x.since.n)
	}
}

// What a guest did to be another than the one of its snapshot is not undone.
func TestRewindKeepsResume(t *testing.T) {
	m := compiled(t, testguest.Binary())
	s := mustSnapshot(t, mustStart(t, m, api.Spec{}))
	y, err := startGuest(t, &outside{}, m, api.Spec{}, &s)
	if err != nil {
		t.Fatal(err)
	}
	if err := y.resume(t.Context(), &api.Group{}); err != nil {
		t.Fatal(err)
	}
	before := whole(t, y)
	y.invoke(t.Context(), dms.Call{Method: "t"})
	if whole(t, y) != before {
		t.Error("it was undone")
	}
}

// A call that came too late is no call: it is not made when others are repeated.
func TestCallNotMade(t *testing.T) {
	x, y := pair(t, &outside{}, testguest.Binary())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ctx, r := x.recording(ctx)
	said := run(ctx, x, []dms.Call{{Method: "c"}})
	if x.since.n != 0 || x.version.Load() != 0 {
		t.Errorf("%d calls, version %d", x.since.n, x.version.Load())
	}
	if follow(t, y, []dms.Call{{Method: "c"}}, r(), said) != whole(t, x) {
		t.Error("the follower made it")
	}
}
