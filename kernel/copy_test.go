package kernel

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// runCopy runs a private copy of the primary of g at k.
func runCopy(t *testing.T, k *Kernel, g api.Group) dms.Copy {
	t.Helper()
	s, err := k.Fetch(t.Context(), g.Replicas[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Run(t.Context(), &g, dms.Snapshot{Version: s.Version, Image: s.Image})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPrivateCopy(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "original", counter(t), api.Spec{})
	want(t, k1, int64(4), "original", "add", 4)
	x := runCopy(t, k2, g)
	add := func(by int) string {
		out, err := x.Invoke(t.Context(), dms.Call{Method: "add", Args: args(t, by)})
		if err != nil {
			t.Error(err)
		}
		return string(out)
	}
	s, err := x.Snapshot(t.Context())
	if err != nil || s.Version != 1 {
		t.Errorf("version %d, %v; want the original's", s.Version, err)
	}
	if got := add(1); got != "\x05" {
		t.Errorf("the copy answers %x", got)
	}
	if err := x.Restore(t.Context(), s); err != nil {
		t.Error(err)
	}
	if got := add(2); got != "\x06" {
		t.Errorf("the copy answers %x after a restore", got)
	}
	want(t, k1, int64(4), "original", "get")
	if _, err := x.Invoke(t.Context(), dms.Call{Verb: "save"}); abi.CodeOf(err) != abi.UnknownVerb {
		t.Errorf("a verb: %v", err)
	}
	if _, err := x.Invoke(t.Context(), dms.Call{Verb: dms.Replace, Args: s.Image}); abi.CodeOf(err) != abi.UnknownVerb {
		t.Errorf("replace, past Restore: %v", err)
	}
	if _, err := k2.Run(t.Context(), &g, dms.Snapshot{Image: []byte("junk")}); err == nil {
		t.Error("junk runs")
	}
}

// gone reports whether a guest takes no calls any more.
func gone(x *guest) bool {
	x.turn.mu.Lock()
	defer x.turn.mu.Unlock()
	return x.turn.end != nil && !x.turn.held
}

// A copy is freed when no one can call it, and not before a call in it has returned.
func TestPrivateCopyEndsWhenItIsUnreachable(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "original", conformance(t), api.Spec{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	var x *guest
	func() {
		inUse := runCopy(t, k, g)
		x = inUse.(*privateCopy).x
		go func() { // the last that knows the copy
			_, err := inUse.Invoke(ctx, dms.Call{Method: "spin", Args: []byte{0x80}})
			done <- err
		}()
	}()
	eventually(t, "the call is inside", func() bool {
		x.turn.mu.Lock()
		defer x.turn.mu.Unlock()
		return x.turn.held
	})
	for range 5 {
		runtime.GC()
		x.turn.mu.Lock()
		if x.turn.end != nil {
			t.Fatal("a copy in use is being freed")
		}
		x.turn.mu.Unlock()
	}
	stop()
	if err := <-done; err == nil {
		t.Error("spin came to its end")
	}
	eventually(t, "the copy is freed", func() bool { runtime.GC(); return gone(x) })
	if _, err := x.invoke(t.Context(), dms.Call{Method: "label"}); !errors.Is(err, errUnused) {
		t.Errorf("what is left of it says %v", err)
	}
}
