package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
)

// applicationErrors checks that an error carries its message, and that the method ran.
func applicationErrors(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	for i, msg := range []string{"the shelf is empty", "", "löschen 🙂\n\"line two\"", strings.Repeat("long ", 10_000)} {
		err := g.fails(abi.Application, "fail", msg)
		if err.Msg != msg {
			t.Errorf("the message is %q, want %q", err.Msg, msg)
		}
		if err.State != abi.StateUnknown {
			t.Errorf("the state is %d, want 0: only the kernel knows it", err.State)
		}
		if got := result[int64](g, "count", 0); got != int64(i+1) {
			t.Errorf("count = %d after %d failures, want one each", got, i+1)
		}
	}
}

// panics checks that an exception is an application error where the language can
// catch it, and a trap where it cannot.
func panics(t *testing.T, m *module, o Options) {
	g := m.start(t)
	result[int64](g, "count", 10)
	before := g.snapshot()
	_, err := g.try("panic", "ouch")
	if o.PanicTraps {
		if abi.CodeOf(err) != abi.Trap || !g.inst.Failed() {
			t.Fatalf("panic: %v (%v), want a trap", err, abi.CodeOf(err))
		}
		g.restore(before)
		if got := result[int64](g, "count", 0); got != 10 {
			t.Errorf("count = %d after the state was put back, want 10", got)
		}
		return
	}
	if abi.CodeOf(err) != abi.Application || !strings.Contains(err.Error(), "ouch") {
		t.Fatalf("panic: %v (%v), want an application error that contains ouch", err, abi.CodeOf(err))
	}
	for range 50 {
		g.fails(abi.Application, "panic", "again")
	}
	if got := result[int64](g, "count", 0); got != 61 {
		t.Errorf("count = %d after 51 panics, want 61", got)
	}
}

// trap checks that a guest that has trapped goes on only from an earlier state.
func trap(t *testing.T, m *module, _ Options) {
	g := m.start(t, "mine")
	result[int64](g, "count", 3)
	before := g.snapshot()
	for range 3 {
		g.fails(abi.Trap, "trap")
		if _, err := g.try("label"); err == nil {
			t.Fatal("the guest can be called after a trap")
		}
		g.restore(before)
		if s := g.state(); s.Count != 3 || s.Label != "mine" {
			t.Errorf("after the state was put back it is %+v", s)
		}
	}
	if got := result[int64](g, "count", 4); got != 7 {
		t.Errorf("count = %d after the trap was undone, want 7", got)
	}
}

// spin checks that a deadline and a caller that goes away stop a guest that loops.
func spin(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	result[int64](g, "count", 3)
	before := g.snapshot()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := g.inst.Invoke(ctx, abi.Method, 0, "spin", nil)
	if !errors.Is(err, abi.ErrDeadline) {
		t.Fatalf("spin with a deadline: %v", err)
	}
	g.restore(before)

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err = g.inst.Invoke(ctx, abi.Method, 0, "spin", nil); err == nil || !g.inst.Failed() {
		t.Fatalf("spin for a caller that went away: %v", err)
	}
	g.restore(before)
	if got := result[int64](g, "count", 1); got != 4 {
		t.Errorf("count = %d after the state was put back, want 4", got)
	}
}

// fuel checks that a guest that loops uses up its budget, and that ordinary
// calls do not.
func fuel(t *testing.T, m *module, _ Options) {
	g := m.startWithin(t, host.Limits{Fuel: 5_000_000})
	for range 100 { // the budget is that of one call
		result[int64](g, "count", 1)
	}
	before := g.snapshot()
	g.fails(abi.Fuel, "spin")
	g.restore(before)
	if got := result[int64](g, "count", 0); got != 100 {
		t.Errorf("count = %d after the state was put back, want 100", got)
	}
}

// memoryLimit checks that a guest that asks for too much fails, and is as before
// when its state has been put back.
func memoryLimit(t *testing.T, m *module, _ Options) {
	g := m.startWithin(t, host.Limits{Memory: 48 << 20}, "small")
	before := g.snapshot()
	_, err := g.try("grow", 500)
	switch code := abi.CodeOf(err); {
	case code == abi.Application && !g.inst.Failed(): // the language has caught it
	case code == abi.MemoryLimit:
	default:
		t.Fatalf("grow(500) with a limit of 48 MiB: %v (%v), want %v", err, code, abi.MemoryLimit)
	}
	if used := g.inst.Usage().Memory; used > 48<<20 {
		t.Errorf("the guest uses %d MiB, the limit is 48", used>>20)
	}
	g.restore(before)
	if got := result[string](g, "label"); got != "small" {
		t.Errorf("label = %q after the state was put back", got)
	}
}
