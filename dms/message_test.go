package dms_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

// loop is a part that is its own peer.
type loop struct {
	dms.Part
	answers map[string]func(context.Context, dms.Peer, []byte) ([]byte, error)
	cells   map[string]any
	to      dms.Peer
}

func newLoop() *loop {
	return &loop{answers: map[string]func(context.Context, dms.Peer, []byte) ([]byte, error){}, cells: map[string]any{}}
}

func (l *loop) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	l.answers[kind] = f
}

func (l *loop) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	l.to = to
	if f := l.answers[kind]; f != nil {
		return f(ctx, "me", body)
	}
	return nil, abi.ErrNotFound
}

func (l *loop) Post(to dms.Peer, kind string, body []byte) {
	_, _ = l.Send(context.Background(), to, kind, body) // lost if it fails
}

func (l *loop) Keep(name string, cell any) { l.cells[name] = cell }

func (l *loop) Replicas() []dms.Replica { return []dms.Replica{{Peer: "m1/0"}, {Peer: "m1/1"}} }

type (
	question struct {
		N     int
		State dms.Snapshot
	}
	reply struct{ N int }
	other struct{ X string }
)

func TestAskAndAnswer(t *testing.T) {
	l := newLoop()
	image := strings.Repeat("x", 1000)
	dms.Answer(l, func(_ context.Context, from dms.Peer, q question) (reply, error) {
		if from != "me" || string(q.State.Image) != image || q.State.Version != 7 {
			t.Errorf("from %s: %d bytes of version %d", from, len(q.State.Image), q.State.Version)
		}
		if q.N < 0 {
			return reply{}, abi.ErrOverloaded
		}
		return reply{q.N + 1}, nil
	})
	q := question{N: 1, State: dms.Snapshot{Version: 7, Image: []byte(image)}}
	r, err := dms.Ask[reply](t.Context(), l, "m1/0", q)
	if err != nil || r.N != 2 || l.to != "m1/0" {
		t.Errorf("%v, %v, to %s", r, err, l.to)
	}
	if body, err := abi.Encode(q); err != nil || len(body) > 1100 {
		t.Errorf("a snapshot of 1,000 bytes travels in %d, %v", len(body), err)
	}
	q.N = -1
	if _, err := dms.AskPrimary[reply](t.Context(), l, q); !errors.Is(err, abi.ErrOverloaded) || l.to != "m1/0" {
		t.Errorf("%v, to %s", err, l.to)
	}
	if _, err := dms.Ask[reply](t.Context(), l, "m1/0", other{}); !errors.Is(err, abi.ErrNotFound) {
		t.Errorf("a kind that no one answers: %v", err)
	}
	if _, err := dms.Ask[string](t.Context(), l, "m1/0", question{State: dms.Snapshot{Version: 7, Image: []byte(image)}}); !errors.Is(err, abi.ErrInternal) {
		t.Errorf("an answer of another type: %v", err)
	}
	if _, err := l.answers["dms_test.question"](t.Context(), "x", []byte{0xff}); !errors.Is(err, abi.ErrBadArgument) {
		t.Errorf("a message that is not CBOR: %v", err)
	}
}

func TestTell(t *testing.T) {
	l := newLoop()
	var got string
	dms.Answer(l, func(_ context.Context, _ dms.Peer, o other) (dms.None, error) {
		got = o.X
		return dms.None{}, nil
	})
	dms.Tell(l, dms.Coordinator, other{"hello"})
	if got != "hello" {
		t.Errorf("told %q", got)
	}
	panics(t, "chan int", func() { dms.Tell(l, "", make(chan int)) })
}

// instance is a loop that looks like an instance.
type instance struct {
	dms.Callee
	loop *loop
}

func (i instance) Send(ctx context.Context, to dms.Peer, kind string, b []byte) ([]byte, error) {
	return i.loop.Send(ctx, to, kind, b)
}

func TestInstanceDoesNotAskItsCoordinator(t *testing.T) {
	i := instance{loop: newLoop()}
	panics(t, "use Tell", func() { _, _ = dms.Ask[dms.None](t.Context(), i, dms.Coordinator, other{}) })
	if _, err := dms.Ask[dms.None](t.Context(), i, "m1/1", other{}); !errors.Is(err, abi.ErrNotFound) {
		t.Errorf("a peer instance: %v", err)
	}
}

func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panicked with %q, want %q", got, want)
		}
	}()
	f()
}

func TestKeep(t *testing.T) {
	l := newLoop()
	n := dms.Keep(l, "n", 3)
	if *n != 3 || l.cells["n"] != n {
		t.Errorf("%d, %v", *n, l.cells)
	}
}

func TestVerbArgs(t *testing.T) {
	args, err := abi.Args("b", 3)
	if err != nil {
		t.Fatal(err)
	}
	var node string
	var n int
	if err := dms.VerbArgs(dms.Call{Verb: "v", Args: args}, &node, &n); err != nil || node != "b" || n != 3 {
		t.Errorf("%s, %d, %v", node, n, err)
	}
	if err := dms.VerbArgs(dms.Call{Verb: "v"}); err != nil {
		t.Errorf("no arguments: %v", err)
	}
	for want, err := range map[string]error{
		"takes 1 arguments, not 2": dms.VerbArgs(dms.Call{Verb: "v", Args: args}, &node),
		"argument 1":               dms.VerbArgs(dms.Call{Verb: "v", Args: args}, &n, &n),
		"not a CBOR array":         dms.VerbArgs(dms.Call{Verb: "v", Args: []byte{0x01}}),
	} {
		if !errors.Is(err, abi.ErrBadArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; it should say %q", err, want)
		}
	}
}
