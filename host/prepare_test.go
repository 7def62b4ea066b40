package host_test

import (
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

var (
	none = []wasm.ValType{}
	i1   = []wasm.ValType{I32}
	i2   = []wasm.ValType{I32, I32}
	l1   = []wasm.ValType{I64}
)

// least returns a module that does nothing and is acceptable. first may add to it
// what must come before all functions.
func least(first ...func(m *Module)) *Module {
	m := &Module{}
	for _, f := range first {
		f(m)
	}
	m.Memory(1, -1)
	m.Export("memory", wasm.Memory, 0)
	m.Func("amino_abi_v1", none, none, nil)
	m.Func("amino_alloc", i1, i1, nil, I32Const(0))
	m.Func("amino_invoke", i2, l1, nil, I64Const(0))
	return m
}

func TestPrepare(t *testing.T) {
	m := least()
	m.Global(I32, false, I32Const(1))
	m.Global(I64, true, I64Const(-2))
	m.Data(5, []byte("five"))
	m.Custom(abi.ManifestSection, []byte(`{"abi": 1, "name": "least", "methods": []}`))
	p, err := host.Prepare(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Manifest == nil || p.Manifest.Name != "least" {
		t.Errorf("manifest: %+v", p.Manifest)
	}
	if len(p.Globals) != 1 || len(p.Base.Globals) != 1 || p.Base.Globals[0] != 1<<64-2 || p.Base.Pages != 1 || p.Base.Program != p.Digest {
		t.Errorf("globals %q, base %+v", p.Globals, p.Base)
	}
	mem := make([]byte, host.PageSize)
	if p.Base.CopyTo(mem, true); string(mem[:12]) != "\x00\x00\x00\x00\x00five\x00\x00\x00" {
		t.Errorf("memory begins with %q", mem[:12])
	}
	again, err := host.Prepare(m.Bytes())
	if err != nil || again.Digest != p.Digest || string(again.Wasm) != string(p.Wasm) || again.Base.Digest() != p.Base.Digest() {
		t.Error("the same module gives another program")
	}
}

// TestPrepareHugeMemory has a memory of almost 4 GiB and data at its end.
func TestPrepareHugeMemory(t *testing.T) {
	m := &Module{}
	m.Memory(host.MaxPages, -1)
	m.Export("memory", wasm.Memory, 0)
	m.Func("amino_abi_v1", none, none, nil)
	m.Func("amino_alloc", i1, i1, nil, I32Const(0))
	m.Func("amino_invoke", i2, l1, nil, I64Const(0))
	m.Data(-100_000, []byte("end"))
	p, err := host.Prepare(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if p.Base.Size() > 1<<16 {
		t.Errorf("the base image has %d bytes", p.Base.Size())
	}
}

func TestPrepareRefuses(t *testing.T) {
	importing := func(module, name string, params []wasm.ValType) *Module {
		return least(func(m *Module) { m.Import(module, name, params, none) })
	}
	and := func(change func(m *Module)) *Module {
		m := least()
		change(m)
		return m
	}
	for name, c := range map[string]struct {
		m    *Module
		says []string
	}{
		"nothing at all":  {&Module{}, []string{"memory", "amino_abi_v1", "amino_alloc", "amino_invoke"}},
		"foreign import":  {importing("env", "f", none), []string{"env.f", "wasi_snapshot_preview1"}},
		"no such import":  {importing("amino", "fork", none), []string{"amino.fork", "does not exist"}},
		"import's type":   {importing("amino", "take", i2), []string{"amino.take", "(i32, i32)", "(i32)"}},
		"later version":   {later(), []string{"amino_abi_v2", "later"}},
		"reserved":        {and(func(m *Module) { m.Export("amino:fuel", wasm.Func, 0) }), []string{"amino:fuel", "reserved"}},
		"export's type":   {and(func(m *Module) { m.Func("amino_describe", none, i1, nil, I32Const(0)) }), []string{"amino_describe", "() -> i64"}},
		"export's kind":   {and(func(m *Module) { m.Export("_initialize", wasm.Memory, 0) }), []string{"_initialize", "memory"}},
		"manifest":        {and(func(m *Module) { m.Custom(abi.ManifestSection, []byte("{")) }), []string{"manifest"}},
		"malformed":       {and(func(m *Module) { m.Func("", none, none, nil, Br(1)) }), []string{"branch"}},
		"several reasons": {and(func(m *Module) { m.Table(0x6f, 0, 1); m.Export("amino:x", wasm.Table, 0); m.RawMemory(3, 1, 1) }), []string{"externref", "amino:x", "threads"}},
	} {
		_, err := host.Prepare(c.m.Bytes())
		if abi.CodeOf(err) != abi.Refused {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: the message does not say %q: %v", name, s, err)
			}
		}
	}
}

// later returns a module of a later version of the ABI.
func later() *Module {
	m := &Module{}
	m.Memory(1, -1)
	m.Func("amino_abi_v2", none, none, nil)
	return m
}

func TestPrepareNoModule(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("#!/bin/sh"), []byte("(module)")} {
		if _, err := host.Prepare(b); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func TestPrepareTestGuest(t *testing.T) {
	p, err := host.Prepare(testguest.Binary())
	if err != nil || len(p.Notes) > 0 || len(p.Globals) != 2 {
		t.Errorf("%v, %+v", err, p)
	}
}

func FuzzPrepare(f *testing.F) {
	f.Add(testguest.Binary())
	f.Add(least().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := host.Prepare(b)
		if err != nil {
			if c := abi.CodeOf(err); c != abi.Refused && c != abi.BadArgument {
				t.Errorf("code %v: %v", c, err)
			}
			return
		}
		if _, err := host.ParseImage(p.Base.Marshal()); err != nil {
			t.Errorf("the base image cannot be read: %v", err)
		}
	})
}
