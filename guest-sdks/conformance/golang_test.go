package conformance

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/guestbuild"
)

// probe starts the microservice of guest-sdks/go/internal/probe.
func probe(t *testing.T) (*module, *guest) {
	m := load(t, guestbuild.Go(t, filepath.Join(guestbuild.Root(t), "guest-sdks", "go", "internal", "probe")))
	return m, m.start(t)
}

// TestGoResume checks that a fork throws other numbers than its origin.
func TestGoResume(t *testing.T) {
	m, g := probe(t)
	result[uint64](g, "throw") // the generator is seeded now, and part of the state
	img := g.snapshot()
	same := m.instantiate(t, newWorld(), host.Limits{}, img)
	other := m.instantiate(t, newWorld(), host.Limits{}, img)
	if err := other.inst.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	here := result[uint64](g, "throw")
	if got := result[uint64](same, "throw"); got != here {
		t.Errorf("the same microservice, moved, throws %d, want %d", got, here)
	}
	if got := result[uint64](other, "throw"); got == here {
		t.Error("a fork throws the same number as its origin")
	}
	if a, b := result[int](g, "resumed"), result[int](other, "resumed"); a != 0 || b != 1 {
		t.Errorf("OnResume ran %d times here and %d times there, want 0 and 1", a, b)
	}
}

// TestGoLog checks that package log writes to the microservice's log.
func TestGoLog(t *testing.T) {
	_, g := probe(t)
	result[any](g, "print", "half the shelf is empty")
	if log := g.world.log(); len(log) != 1 || !strings.HasSuffix(log[0].text, "half the shelf is empty") {
		t.Errorf("the log is %v", log)
	}
}

// TestGoPanicLogsItsStack checks that a panic leaves a trace of where it was.
func TestGoPanicLogsItsStack(t *testing.T) {
	g := load(t, modulePath(t, "go")).start(t)
	g.fails(abi.Application, "panic", "ouch")
	log := g.world.log()
	if len(log) != 1 || log[0].level != 3 || !strings.HasPrefix(log[0].text, "panic: ouch\n") || !strings.Contains(log[0].text, "(*Conformance).Panic") {
		t.Errorf("the log is %v", log)
	}
}

// TestGoGoroutines checks that goroutines live on between calls and in snapshots.
func TestGoGoroutines(t *testing.T) {
	m, g := probe(t)
	result[any](g, "start")
	if got := result[int](g, "tick", 5); got != 5 {
		t.Errorf("tick(5) = %d", got)
	}
	h := m.instantiate(t, newWorld(), host.Limits{}, g.snapshot())
	if got := result[int](h, "tick", 2); got != 7 {
		t.Errorf("tick(2) = %d in the other instance, want 7", got)
	}
	peer := load(t, modulePath(t, "go")).start(t)
	g.world.meet("peer", peer)
	if got := result[[]any](g, "both", "peer", "echo", "a", "b"); !reflect.DeepEqual(got, []any{"a", "b"}) {
		t.Errorf("two calls at once answered %v", got)
	}
}

// TestGoFatal checks that what Go cannot recover from ends the call, and that the
// state before it can be put back.
func TestGoFatal(t *testing.T) {
	m, _ := probe(t)
	g := m.startWithin(t, host.Limits{Memory: 32 << 20})
	result[any](g, "start")
	result[int](g, "tick", 5)
	before := g.snapshot()
	for _, c := range []struct {
		method string
		args   []any
	}{{"wait", nil}, {"recurse", []any{0}}} {
		_, err := g.try(c.method, c.args...)
		if code := abi.CodeOf(err); code != abi.Trap && code != abi.MemoryLimit || !g.inst.Failed() {
			t.Errorf("%s: %v (%v), want a trap", c.method, err, abi.CodeOf(err))
		}
		g.restore(before)
		if got := result[int](g, "tick", 0); got != 5 {
			t.Errorf("after %s was undone, tick(0) = %d, want 5", c.method, got)
		}
	}
}
