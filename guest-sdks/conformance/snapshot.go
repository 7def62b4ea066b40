package conformance

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"amino.run/abi"
	"amino.run/host"
)

// grow checks that snapshots follow a memory that grows, forth and back.
func grow(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	if got := result[uint32](g, "grow", 0); got != 0 {
		t.Fatalf("grow(0) = %d at the start", got)
	}
	small := g.snapshot()
	if got := result[uint32](g, "grow", 8); got != 8 {
		t.Fatalf("grow(8) = %d", got)
	}
	if used := g.inst.Usage().Memory; used < 8<<20 {
		t.Errorf("the guest keeps 8 MiB and uses %d", used)
	}
	large := g.snapshot()
	if large.Size() < 8<<20 {
		t.Errorf("the snapshot of 8 MiB has %d bytes", large.Size())
	}
	g.restore(small)
	if got := result[uint32](g, "grow", 1); got != 1 {
		t.Errorf("grow(1) = %d after the small state was put back, want 1", got)
	}
	g.restore(large)
	if got := result[uint32](g, "grow", 1); got != 9 {
		t.Errorf("grow(1) = %d after the large state was put back, want 9", got)
	}
}

// snapshot moves a state as bytes to an instance in another engine, as from one
// process to the next, where it goes on.
func snapshot(t *testing.T, m *module, _ Options) {
	g := m.start(t, "mine")
	for i := range 1000 {
		result[uint32](g, "put", fmt.Sprint("key", i), fmt.Sprint("value", i))
	}
	result[int64](g, "count", 40)
	want := g.state()
	moved, err := host.ParseImage(g.snapshot().Marshal())
	if err != nil {
		t.Fatal(err)
	}

	there, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close(context.Background()) })
	code, err := there.Compile(t.Context(), m.program)
	if err != nil {
		t.Fatal(err)
	}
	h := (&module{program: m.program, code: code}).instantiate(t, newWorld(), host.Limits{}, moved)
	if got := h.state(); !reflect.DeepEqual(got, want) {
		t.Errorf("the state there is %+v, want %+v", got, want)
	}
	if got := result[string](h, "get", "key999"); got != "value999" {
		t.Errorf("get(key999) = %q there", got)
	}
	if got := result[int64](h, "count", 2); got != 42 {
		t.Errorf("count = %d there, want 42", got)
	}
	if got := result[int64](g, "count", 0); got != 40 {
		t.Errorf("count = %d here, want it to stay 40", got)
	}
	for i := range 1000 { // the heap there is in order: it can be used and freed
		result[uint32](h, "put", fmt.Sprint("key", i), "changed")
	}
}

// fork lets two microservices go on from one state: neither sees the other.
func fork(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	result[int64](g, "count", 5)
	result[[]byte](g, "dice", 16) // a generator may have been seeded now
	h := m.instantiate(t, newWorld(), host.Limits{}, g.snapshot())
	if err := h.inst.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := result[int64](g, "count", 1), result[int64](h, "count", 10); a != 6 || b != 15 {
		t.Errorf("count = %d in the one and %d in the other, want 6 and 15", a, b)
	}
	a, b := result[[]byte](g, "dice", 16), result[[]byte](h, "dice", 16)
	if len(a) != 16 || len(b) != 16 || string(a) == string(b) {
		t.Errorf("both threw %x and %x", a, b)
	}
}

// readOnly calls every method that is marked readonly, and finds the state as it was.
func readOnly(t *testing.T, m *module, _ Options) {
	g := m.start(t, "mine")
	g.world.set(map[string]string{"color": "red"})
	result[uint32](g, "put", "k", "v")
	result[int64](g, "count", 5)
	want := g.state()
	args := map[string][]any{
		"label": nil, "echo": {1}, "add": {1, 2}, "scale": {1.5, 2.0}, "join": {[]string{"a"}, "-"}, "flip": {true},
		"reverse": {[]byte{1, 2}}, "get": {"k"}, "keys": nil, "whoami": nil, "setting": {"color"}, "time": nil, "dice": {4},
	}
	for _, method := range goldenManifest(t).Methods {
		if !method.ReadOnly {
			continue
		}
		a, ok := args[method.Name]
		if !ok {
			t.Fatalf("this test has no arguments for %s", method.Name)
		}
		if _, err := g.invoke(abi.Method, abi.ReadOnlyFlag, method.Name, a); err != nil {
			t.Errorf("%s%v: %v", method.Name, a, err)
		}
		if got := g.state(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s made %+v of %+v", method.Name, got, want)
		}
	}
}
