package hosttest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
)

// booted is what count answers in its upper half: start and _initialize ran once each.
const booted = 17

func calls(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	for n := uint64(1); n < 5; n++ {
		if got := number(t, i, "c"); got != 2*n|booted<<32 {
			t.Fatalf("call %d answered %#x", n, got)
		}
	}
	fails(t, context.Background(), i, "?", abi.UnknownMethod)
	if i.Failed() {
		t.Error("an error of the guest's own broke it")
	}
	if err := fails(t, context.Background(), i, "E", abi.Application); err.Error() != "no" {
		t.Errorf("the message is %q", err)
	}
}

func frames(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	for _, n := range []int{0, 1, 100, 64 << 10, 1 << 20, 5 << 20, 7} {
		want, err := abi.Encode(bytes.Repeat([]byte{'x'}, n))
		if err != nil {
			t.Fatal(err)
		}
		if got := call(t, i, "e", want...); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came back as %d", len(want), len(got))
		}
	}
	if got := call(t, i, "e"); !bytes.Equal(got, []byte{0x80}) {
		t.Errorf("no arguments came as %x, not as an empty array", got)
	}
	_, err := i.Invoke(context.Background(), abi.Method, 0, "e", make([]byte, abi.MaxFrame))
	if abi.CodeOf(err) != abi.BadArgument || i.Failed() {
		t.Errorf("a frame beyond the limit: %v", err)
	}
	_, err = i.Invoke(context.Background(), abi.Method, 0, strings.Repeat("m", 1<<16), nil)
	if abi.CodeOf(err) != abi.BadArgument || i.Failed() {
		t.Errorf("a name beyond the limit: %v", err)
	}
}

func describe(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	b, err := i.Describe(context.Background())
	if err != nil || string(b) != "{}" {
		t.Errorf("%q, %v", b, err)
	}
}

func constructor(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	v, err := i.Invoke(context.Background(), abi.Constructor, abi.ReadOnlyFlag, "", nil)
	if err != nil || !bytes.Equal(v, []byte{0x42, 1, 1}) {
		t.Errorf("kind and flags came as %x, %v", v, err)
	}
}

func roundTrip(t *testing.T, r *room) {
	work := func(i host.Instance) {
		for k := range 10 {
			number(t, i, "c")
			if k%4 == 0 {
				number(t, i, "g")
			}
		}
	}
	whole := r.start(t, host.Limits{})
	work(whole)
	work(whole)

	first := r.start(t, host.Limits{})
	work(first)
	img, err := host.ParseImage(snapshot(t, first).Marshal())
	if err != nil {
		t.Fatal(err)
	}
	second := Start(t, r.module, host.Config{}, img)
	work(second)
	if a, b := snapshot(t, whole).Digest(), snapshot(t, second).Digest(); a != b {
		t.Errorf("the states differ: %s and %s", a, b)
	}
}

func images(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	number(t, i, "c")
	one := snapshot(t, i)
	digest := one.Digest()
	number(t, i, "c")
	two := snapshot(t, i)
	if one.Digest() != digest || two.Digest() == digest {
		t.Error("a call changed an image, or none")
	}
	restore(t, i, one)
	number(t, i, "c")
	if got := snapshot(t, i).Digest(); got != two.Digest() {
		t.Error("the same call from the same state led to another state")
	}
	restore(t, i, r.program.Base)
	if got := number(t, i, "c"); got != 2 {
		t.Errorf("from the base image, count answered %#x", got)
	}
}

func growth(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	var at []*host.Image
	for k := range 5 {
		number(t, i, "c")
		at = append(at, snapshot(t, i))
		if got := number(t, i, "g"); got != uint64(testguest.Pages+k+1) {
			t.Fatalf("it grew to %d pages", got)
		}
	}
	for _, k := range []int{4, 0, 3, 1, 1, 2, 4} {
		restore(t, i, at[k])
		if got := i.Usage().Memory; got != uint64(testguest.Pages+k)*host.PageSize {
			t.Fatalf("image %d was restored with %d bytes", k, got)
		}
		if got := snapshot(t, i).Digest(); got != at[k].Digest() {
			t.Fatalf("image %d was not restored as it was", k)
		}
		if got := number(t, i, "g"); got != uint64(testguest.Pages+k+1) {
			t.Fatalf("from image %d it grew to %d pages", k, got)
		}
	}
}

func resume(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	img := snapshot(t, i)
	j := Start(t, r.module, host.Config{}, img)
	if err := j.Resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := number(t, j, "c"); got>>32 != booted+256 {
		t.Errorf("after Resume the guest counts %d boots", got>>32)
	}
	if got := number(t, i, "c"); got>>32 != booted {
		t.Errorf("without Resume the guest counts %d boots", got>>32)
	}
}

func foreignImage(t *testing.T, r *room) {
	i := r.start(t, host.Limits{Memory: 3 * host.PageSize})
	number(t, i, "c")
	before := snapshot(t, i).Digest()
	big := r.start(t, host.Limits{})
	for range 4 {
		number(t, big, "g")
	}
	for name, c := range map[string]struct {
		img  host.Image
		want abi.Code
	}{
		"another module":   {host.Image{Program: "0123", Pages: testguest.Pages, Globals: make([]uint64, 2)}, abi.Refused},
		"another form":     {host.Image{Program: r.program.Digest, Pages: testguest.Pages, Globals: make([]uint64, 1)}, abi.Storage},
		"too little":       {host.Image{Program: r.program.Digest, Globals: make([]uint64, 2)}, abi.Storage},
		"beyond the limit": {*snapshot(t, big), abi.MemoryLimit},
	} {
		if err := i.Restore(context.Background(), &c.img); abi.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := r.module.Instantiate(context.Background(), host.Config{Env: &Env{}, Limits: host.Limits{Memory: 3 * host.PageSize}}, &c.img); abi.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if i.Failed() || snapshot(t, i).Digest() != before {
		t.Error("an image that was refused changed the instance")
	}
}

func clock(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	first := number(t, i, "m")
	img := snapshot(t, i)
	ahead := *img
	ahead.Clock = 1e15 // eleven days on
	j := Start(t, r.module, host.Config{}, &ahead)
	if got := number(t, j, "m"); got < 1e15 || got > 1.1e15 {
		t.Errorf("the clock did not go on from the snapshot's: %d", got)
	}
	if again := number(t, i, "m"); again < first {
		t.Errorf("the clock ran back from %d to %d", first, again)
	}
	restore(t, j, img)
	if got := number(t, j, "m"); got < 1e15 || got > 1.1e15 {
		t.Errorf("after Restore of a state from before, the clock shows %d", got)
	}
	restore(t, i, &ahead)
	if got := number(t, i, "m"); got < 1e15 || got > 1.1e15 {
		t.Errorf("after Restore of a state from ahead, the clock shows %d", got)
	}
}
