package wasm_test

import (
	"slices"
	"testing"

	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

func parse(t *testing.T, b []byte) *wasm.Module {
	t.Helper()
	m, err := wasm.Parse(b)
	if err != nil || len(m.Reasons) > 0 {
		t.Fatal(err, m)
	}
	return m
}

func TestBegin(t *testing.T) {
	before := parse(t, whole().Bytes())
	st := wasm.State{Pages: 3, Globals: []uint64{0xffffffff, 1 << 63}, Data: []wasm.Data{
		{Offset: 0, Bytes: []byte("first")}, {Offset: 2 << 16, Bytes: []byte{0, 1}},
	}}
	after := parse(t, before.Begin(st, "inc"))
	if after.Start >= 0 || after.Memories[0] != (wasm.Limits{Min: 3, Max: 4, HasMax: true}) {
		t.Errorf("the start function is %d, the memory %+v", after.Start, after.Memories[0])
	}
	for i, want := range []uint64{40, 0xffffffff, 1 << 63} {
		if g, old := after.Globals[i], before.Globals[i]; g.Init != want || g.Type != old.Type || g.Mutable != old.Mutable {
			t.Errorf("global %d is %+v, want %#x", i, g, want)
		}
	}
	if len(after.Data) != 2 || string(after.Data[0].Bytes) != "first" || after.Data[1].Offset != 2<<16 {
		t.Errorf("the data are %+v", after.Data)
	}
	if _, ok := after.Export("inc"); ok || len(after.Exports) != len(before.Exports)-1 {
		t.Errorf("the exports are %+v", after.Exports)
	}
	if !slices.Equal(after.Funcs, before.Funcs) || string(after.Custom("note")) != "kept for the reader" {
		t.Error("other sections have changed")
	}
}

// Instructions name passive segments by number, active ones counted.
func TestBeginKeepsPassiveData(t *testing.T) {
	m := &Module{}
	m.Memory(1, -1)
	m.Func("copy", none, none, nil, I32Const(0), I32Const(0), I32Const(4), 0xfc, 8, 1, 0) // memory.init 1
	m.Data(8, []byte("data"))
	m.RawData(append([]byte{1, 4}, "more"...)...)
	m.DataCount(2)
	after := parse(t, parse(t, m.Bytes()).Begin(wasm.State{Pages: 1, Data: []wasm.Data{{Offset: 9, Bytes: []byte("x")}}}))
	if d := after.Data; len(d) != 3 || !d[0].Passive || len(d[0].Bytes) > 0 || string(d[1].Bytes) != "more" || d[2].Offset != 9 {
		t.Errorf("the data are %+v", d)
	}
}
