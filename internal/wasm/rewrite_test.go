package wasm_test

import (
	"bytes"
	"testing"

	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

func rewrite(t *testing.T, b []byte) (before, after *wasm.Module) {
	t.Helper()
	before, err := wasm.Parse(b)
	if err != nil || len(before.Reasons) > 0 {
		t.Fatal(err, before.Reasons)
	}
	after, err = wasm.Parse(before.Rewrite())
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestRewrite(t *testing.T) {
	before, after := rewrite(t, whole().Bytes())
	if after.Start >= 0 || len(after.Data) > 0 || len(after.Customs) > 0 {
		t.Errorf("start %d, %d data segments, %d custom sections are left", after.Start, len(after.Data), len(after.Customs))
	}
	for _, name := range []string{"amino:global:1", "amino:global:2", wasm.FuelExport} {
		e, ok := after.Export(name)
		if !ok || e.Kind != wasm.GlobalKind || !after.Globals[e.Index].Mutable {
			t.Errorf("%s is exported as %+v, %v", name, e, ok)
		}
	}
	if _, ok := after.Export("amino:global:0"); ok {
		t.Error("a constant is exported")
	}
	if e, ok := after.Export(wasm.StartExport); !ok || after.FuncType(e.Index).String() != "()" {
		t.Errorf("the start function is exported as %+v, %v", e, ok)
	}
	for _, e := range before.Exports {
		got, ok := after.Export(e.Name)
		if !ok || got.Kind != e.Kind || e.Kind == wasm.Func && after.FuncType(got.Index).String() != before.FuncType(e.Index).String() {
			t.Errorf("export %s became %+v", e.Name, got)
		}
	}
	last := after.Imports[len(after.Imports)-1]
	if last.Module != wasm.PollModule || last.Name != wasm.PollName || after.Types[last.Type].String() != "(i32) -> i32" {
		t.Errorf("the last import is %+v", last)
	}
}

// TestChecks counts the places where code asks for more fuel.
func TestChecks(t *testing.T) {
	checks := func(params []wasm.ValType, code ...any) int {
		m := &Module{}
		m.Memory(1, 1)
		leaf := m.Func("", none, none, nil)
		m.Func("f", params, none, nil, append([]any{Block, Empty, Call(leaf), End}, code...)...)
		_, after := rewrite(t, m.Bytes())
		return bytes.Count(after.Rewrite(), []byte{0x41, 0, 0x48, 0x04, 0x40}) // i32.const 0; i32.lt_s; if
	}
	// The second rewriting doubles what the first put in; so does it for the loops.
	base := checks(none)
	for name, c := range map[string]struct {
		code []any
		more bool
	}{
		"straight code": {[]any{I32Const(1), Drop}, false},
		"a block":       {[]any{Block, Empty, End}, false},
		"a loop":        {[]any{Loop, Empty, End}, true},
		"memory.copy":   {[]any{I32Const(0), I32Const(0), I32Const(0), 0xfc, 10, 0, 0}, true},
		"memory.fill":   {[]any{I32Const(0), I32Const(0), I32Const(0), 0xfc, 11, 0}, true},
	} {
		if got := checks(none, c.code...); (got > base) != c.more {
			t.Errorf("%s: %d checks, without it %d", name, got, base)
		}
	}
}

// TestPassiveData keeps what memory.init needs.
func TestPassiveData(t *testing.T) {
	m := &Module{}
	m.Memory(1, 1)
	m.DataCount(2)
	m.Func("f", none, none, nil, I32Const(0), I32Const(0), I32Const(1), 0xfc, 8, 1, 0)
	m.Data(3, []byte("active"))
	m.RawData(1, 7, 'p', 'a', 's', 's', 'i', 'v', 'e')
	_, after := rewrite(t, m.Bytes())
	if len(after.Data) != 2 || !after.Data[0].Passive || len(after.Data[0].Bytes) != 0 || string(after.Data[1].Bytes) != "passive" {
		t.Errorf("%+v", after.Data)
	}
}

// TestDataDrop takes away what would be state outside of memory.
func TestDataDrop(t *testing.T) {
	m := &Module{}
	m.Memory(1, 1)
	m.DataCount(1)
	drop := Code(0xfc, 9, 0)
	m.Func("f", none, none, nil, I32Const(7), drop, Drop, drop)
	m.RawData(1, 7, 'p', 'a', 's', 's', 'i', 'v', 'e')
	before, _ := rewrite(t, m.Bytes())
	bin := before.Rewrite()
	if bytes.Contains(bin, drop) || !bytes.Contains(bin, Code(I32Const(7), Drop, End)) {
		t.Errorf("data.drop is still there: %x", bin)
	}
}

// TestRewriteLeast rewrites a module that has none of the sections that are added to.
func TestRewriteLeast(t *testing.T) {
	_, after := rewrite(t, (&Module{}).Bytes())
	if len(after.Funcs) != 2 || len(after.Globals) != 2 || len(after.Exports) != 1 {
		t.Errorf("%+v", after)
	}
}

func TestNames(t *testing.T) {
	m := &Module{}
	m.Import("env", "log", none, none)
	m.Func("f", none, none, nil)
	m.Custom("name", wasm.AppendSection(nil, 1, Code(2, 0, 1, []byte("l"), 1, 3, []byte("one"))))
	_, after := rewrite(t, m.Bytes())
	want := wasm.AppendSection(nil, 1, Code(3, 2, 3, []byte("one"), 3, 10, []byte("amino:poll"), 4, 7, []byte("env.log")))
	if got := after.Custom("name"); !bytes.Equal(got, want) {
		t.Errorf("names are %q, want %q", got, want)
	}
}
