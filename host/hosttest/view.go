package hosttest

import (
	"context"
	"encoding/binary"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
)

// viewOf returns a view that is closed when the test ends, before its instance.
func viewOf(t *testing.T, i host.Instance) host.View {
	t.Helper()
	v, err := i.View(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close(context.Background()) })
	return v
}

func refresh(t *testing.T, v host.View) {
	t.Helper()
	if err := v.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// seen is number of a view.
func seen(t *testing.T, v host.View, method string) uint64 {
	t.Helper()
	b, err := v.Invoke(context.Background(), abi.Method, abi.ReadOnlyFlag, method, nil)
	if err != nil || len(b) != 9 {
		t.Fatalf("%s: %x, %v", method, b, err)
	}
	return binary.LittleEndian.Uint64(b[1:])
}

func views(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	v := viewOf(t, i)
	for n := uint64(1); n < 5; n++ {
		number(t, i, "c")
		before := snapshot(t, i).Digest()
		for range 2 { // the second time without the traces of the first
			refresh(t, v)
			if got := seen(t, v, "c"); got != 2*(n+1)|booted<<32 {
				t.Fatalf("after %d calls the view shows %#x", n, got)
			}
		}
		if got := seen(t, v, "c"); got != 2*(n+2)|booted<<32 {
			t.Fatalf("without Refresh a call does not see the one before: %#x", got)
		}
		if snapshot(t, i).Digest() != before {
			t.Fatal("the view changed the instance")
		}
	}
	ahead := *snapshot(t, i)
	ahead.Clock = 1e15
	restore(t, i, &ahead)
	refresh(t, v)
	if got := seen(t, v, "m"); got < 1e15 {
		t.Errorf("the view's clock shows %d, the instance's at least 1e15", got)
	}
}

func viewsGrow(t *testing.T, r *room) {
	i := r.start(t, host.Limits{Memory: 300 * host.PageSize})
	v := viewOf(t, i)
	small := snapshot(t, i)
	pages := uint64(testguest.Pages)
	check := func(why string) {
		t.Helper()
		want := number(t, i, "c") + 2
		before := snapshot(t, i)
		refresh(t, v)
		if got := seen(t, v, "c"); got != want {
			t.Errorf("%s: the view shows %#x, want %#x", why, got, want)
		}
		if got := seen(t, v, "g"); got != pages+1 {
			t.Errorf("%s: the view grew to %d pages, want %d", why, got, pages+1)
		}
		if snapshot(t, i).Digest() != before.Digest() {
			t.Errorf("%s: the view changed the instance", why)
		}
	}
	check("at first")
	for k := range 200 { // to as much as makes views map memory
		number(t, i, "g")
		pages++
		if k%20 == 0 {
			check("grown")
		}
	}
	for range 3 { // without growing
		want := number(t, i, "c") + 2
		refresh(t, v)
		if got := seen(t, v, "c"); got != want {
			t.Errorf("the view of large memory shows %#x, want %#x", got, want)
		}
	}
	if got := seen(t, v, "H"); got != 300 {
		t.Errorf("the view grows to %d pages, its limit is 300", got)
	}
	check("after the view was as large as can be")
	large := snapshot(t, i)
	restore(t, i, small)
	pages = testguest.Pages
	check("restored to less")
	number(t, i, "g")
	pages++
	check("and grown again")
	restore(t, i, large)
	pages = testguest.Pages + 200
	check("restored to more")
	fails(t, context.Background(), i, "t", abi.Trap)
	restore(t, i, large)
	check("restored to as much")
}

func viewsFail(t *testing.T, r *room) {
	ctx := context.Background()
	i := r.start(t, host.Limits{Fuel: 100_000})
	number(t, i, "c")
	v := viewOf(t, i)
	for method, want := range map[string]abi.Code{"t": abi.Trap, "x": abi.Trap, "l": abi.Fuel, "b": abi.BadReply} {
		refresh(t, v)
		if _, err := v.Invoke(ctx, abi.Method, 0, method, nil); abi.CodeOf(err) != want || !v.Failed() {
			t.Errorf("%s: %v", method, err)
		}
		if _, err := v.Invoke(ctx, abi.Method, 0, "c", nil); abi.CodeOf(err) != abi.Internal {
			t.Errorf("after %s, without Refresh: %v", method, err)
		}
		if i.Failed() {
			t.Errorf("%s broke the instance, too", method)
		}
		refresh(t, v)
		if got := seen(t, v, "c"); got != 4|booted<<32 {
			t.Errorf("after %s the view shows %#x", method, got)
		}
	}
	img := snapshot(t, i)
	fails(t, ctx, i, "t", abi.Trap)
	if err := v.Refresh(ctx); abi.CodeOf(err) != abi.Internal {
		t.Errorf("the view shows a state that is none: %v", err)
	}
	restore(t, i, img)
	refresh(t, v)
	if got := seen(t, v, "c"); got != 4|booted<<32 {
		t.Errorf("the view shows %#x after Restore", got)
	}
	if err := v.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := v.Refresh(ctx); err == nil {
		t.Error("a closed view is refreshed")
	}
	if got := number(t, i, "c"); got != 4|booted<<32 {
		t.Errorf("the instance counts %#x when its view is closed", got)
	}
}
