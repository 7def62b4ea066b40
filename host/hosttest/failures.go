package hosttest

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
)

func failures(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	number(t, i, "c")
	img := snapshot(t, i)
	for _, c := range []struct {
		method string
		code   abi.Code
		says   string
	}{
		{"t", abi.Trap, "unreachable"},
		{"x", abi.Trap, "exited with code 3"},
		{"p", abi.Trap, "outside its memory"},
		{"k", abi.Trap, "no answer waits"},
		{"o", abi.BadReply, "outside its memory"},
		{"b", abi.BadReply, "CBOR"},
		{"h", abi.BadReply, "limit"},
		{"s", abi.BadReply, "header"},
	} {
		number(t, i, "c")
		err := fails(t, context.Background(), i, c.method, c.code)
		if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the message does not say %q in one line: %v", c.method, c.says, err)
		}
		if !i.Failed() {
			t.Errorf("%s did not break the instance", c.method)
		}
		fails(t, context.Background(), i, "c", abi.Internal)
		if _, err := i.Snapshot(); err == nil {
			t.Errorf("%s: a broken instance gave a snapshot", c.method)
		}
		restore(t, i, img)
		if i.Failed() || snapshot(t, i).Digest() != img.Digest() {
			t.Errorf("%s: Restore did not put the state back", c.method)
		}
	}
}

func recursion(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	img := snapshot(t, i)
	err := fails(t, context.Background(), i, "r", abi.Trap)
	if !strings.Contains(err.Error(), "recursion") {
		t.Errorf("the message does not say what may be wrong: %v", err)
	}
	restore(t, i, img)
	number(t, i, "c")
}

func memoryLimit(t *testing.T, r *room) {
	i := r.start(t, host.Limits{Memory: 10*host.PageSize + 5}) // rounded down
	img := snapshot(t, i)
	if got := number(t, i, "H"); got != 10 {
		t.Errorf("a guest that copes with the limit has %d pages", got)
	}
	err := fails(t, context.Background(), i, "G", abi.MemoryLimit)
	if !i.Failed() {
		t.Error("a guest that died of the limit is not held to have failed")
	}
	t.Log(err)
	restore(t, i, img)
	fails(t, context.Background(), i, "t", abi.Trap) // nothing was refused in this call
}

func limitBelowNeed(t *testing.T, r *room) {
	_, err := r.module.Instantiate(context.Background(), host.Config{Env: &Env{}, Limits: host.Limits{Memory: host.PageSize}}, nil)
	if abi.CodeOf(err) != abi.MemoryLimit {
		t.Error(err)
	}
}

func fuel(t *testing.T, r *room) {
	i := r.start(t, host.Limits{Fuel: 1100})
	img := snapshot(t, i)
	used := func() uint64 {
		before := i.Usage().Fuel
		number(t, i, "n") // loops 1000 times
		return i.Usage().Fuel - before
	}
	first := used()
	if first < 1000 || first > 1100 || used() != first {
		t.Errorf("a loop of 1000 turns counts %d, and not the same each time", first)
	}
	fails(t, context.Background(), i, "l", abi.Fuel)
	restore(t, i, img)
	number(t, i, "n")

	exact := r.start(t, host.Limits{Fuel: first})
	if number(t, exact, "n"); exact.Failed() {
		t.Error("a call that uses just its fuel is stopped")
	}
	short := r.start(t, host.Limits{Fuel: first - 1})
	fails(t, context.Background(), short, "n", abi.Fuel)
}

func deadline(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	number(t, i, "c")
	img := snapshot(t, i)
	for _, method := range []string{"l", "f"} {
		fails(t, soon(t), i, method, abi.Deadline)
		restore(t, i, img)
		number(t, i, "c")
	}
}

func canceled(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	img := snapshot(t, i)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		inside(i)
		cancel()
	}()
	fails(t, ctx, i, "l", abi.Deadline)
	restore(t, i, img)
	number(t, i, "c")
}

// inside returns when the guest computes.
func inside(i host.Instance) {
	for before := i.Usage().Fuel; i.Usage().Fuel < before+1000; {
		time.Sleep(time.Millisecond)
	}
}

func tooLate(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := fails(t, ctx, i, "c", abi.Canceled); !strings.Contains(err.Error(), "not made") {
		t.Error(err)
	}
	if got := number(t, i, "c"); got&0xffff != 2 {
		t.Errorf("the call was made: %#x", got)
	}
}

func sleep(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	if _, err := i.Invoke(soon(t), abi.Method, 0, "z", nil); err != nil && abi.CodeOf(err) != abi.Deadline {
		t.Error(err)
	}
}

func collector(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Invoke(ctx, abi.Method, 0, "l", nil)
	}()
	inside(i)
	runtime.GC() // would wait for ever: the guest is stopped only after it
	cancel()
	<-done
}
