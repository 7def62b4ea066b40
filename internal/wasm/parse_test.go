package wasm_test

import (
	"bytes"
	"strings"
	"testing"

	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

var (
	none  = []wasm.ValType{}
	i32x1 = []wasm.ValType{I32}
)

// whole returns a module that has a bit of everything.
func whole() *Module {
	m := &Module{}
	log := m.Import("env", "log", i32x1, none)
	m.Table(0x70, 0x01, 2, 2)
	m.Memory(1, 4)
	m.Global(I32, false, I32Const(40))
	m.Global(I32, true, GlobalGet(0), I32Const(2), I32Add) // an extended constant
	m.Global(I64, true, I64Const(-1))
	inc := m.Func("inc", none, i32x1, nil, GlobalGet(1), I32Const(1), I32Add, GlobalSet(1), GlobalGet(1))
	start := m.Func("", none, none, nil, GlobalGet(1), Call(log))
	m.Func("sum", i32x1, i32x1, i32x1,
		Loop, Empty, LocalGet(1), LocalGet(0), I32Add, LocalSet(1),
		LocalGet(0), I32Const(1), I32Sub, LocalTee(0), BrIf(0), End, LocalGet(1))
	m.Func("indirect", i32x1, i32x1, nil, LocalGet(0), 0x11, 1, 0) // type 1 is that of inc
	m.Start(start)
	m.Elements(append(append([]byte{0}, Code(I32Const(0), End)...), 2, byte(inc), byte(inc))...)
	m.Data(8, []byte("data"))
	m.Export("memory", wasm.Memory, 0)
	m.Custom("name", []byte("stale"))
	m.Custom("note", []byte("kept for the reader"))
	return m
}

func TestParse(t *testing.T) {
	m, err := wasm.Parse(whole().Bytes())
	if err != nil || len(m.Reasons) > 0 || len(m.Notes) > 0 {
		t.Fatal(err, m)
	}
	if m.Imported != 1 || len(m.Funcs) != 5 || m.Start != 2 || m.Memories[0] != (wasm.Limits{Min: 1, Max: 4, HasMax: true}) {
		t.Errorf("%+v", m)
	}
	if g := m.Globals; g[1].Init != 42 || g[2].Init != 1<<64-1 || len(m.MutableGlobals()) != 2 {
		t.Errorf("globals: %+v", g)
	}
	if d := m.Data[0]; d.Offset != 8 || string(d.Bytes) != "data" {
		t.Errorf("data: %+v", d)
	}
	if e, ok := m.Export("sum"); !ok || m.FuncType(e.Index).String() != "(i32) -> i32" {
		t.Errorf("sum: %+v", e)
	}
	if _, ok := m.Export("none"); ok || string(m.Custom("note")) != "kept for the reader" || m.Custom("none") != nil {
		t.Error("exports or custom sections are not found by name")
	}
}

// TestCutShort cuts a module at every byte.
func TestCutShort(t *testing.T) {
	m := whole()
	b := m.Bytes()
	full, err := wasm.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		m, err := wasm.Parse(b[:n])
		if err == nil && len(m.Funcs) == len(full.Funcs) && len(m.Data) == 1 && len(m.Customs) == 2 {
			t.Errorf("%d of %d bytes are taken for the whole", n, len(b))
		}
	}
}

func TestMalformed(t *testing.T) {
	raw := func(sections ...[]byte) []byte {
		return bytes.Join(append([][]byte{[]byte("\x00asm\x01\x00\x00\x00")}, sections...), nil)
	}
	section := func(id byte, body ...byte) []byte { return wasm.AppendSection(nil, id, body) }
	body := func(code ...any) []byte {
		m := &Module{}
		m.Memory(1, 1)
		m.RawFunc("", m.Type(nil, nil), append([]byte{0}, Code(code...)...))
		return m.Bytes()
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"empty":                 {nil, "not a WebAssembly file"},
		"text":                  {[]byte("(module)"), "not a WebAssembly file"},
		"header only in part":   {[]byte("\x00asm\x01"), "cut short"},
		"component":             {[]byte("\x00asm\x0d\x00\x01\x00\x07"), "component"},
		"version 2":             {[]byte("\x00asm\x02\x00\x00\x00"), "version"},
		"section unknown":       {raw(section(14)), "not known"},
		"section longer":        {raw([]byte{1, 5, 0}), "cut short"},
		"section twice":         {raw(section(1, 0), section(1, 0)), "twice"},
		"section out of order":  {raw(section(3, 0), section(1, 0)), "out of order"},
		"section with a tail":   {raw(section(1, 0, 9)), "left over"},
		"vector too long":       {raw(section(1, 200, 1, 0x60)), "announced"},
		"type form":             {raw(section(1, 1, 0x50, 0, 0)), "GC"},
		"value type":            {raw(section(1, 1, 0x60, 1, 0x20, 0)), "not a value type"},
		"no type":               {raw(section(3, 1, 0)), "type 0 of 0"},
		"no code":               {raw(section(1, 1, 0x60, 0, 0), section(3, 1, 0)), "have code"},
		"import kind":           {raw(section(2, 1, 1, 'a', 1, 'b', 7)), "kind 7"},
		"name not UTF-8":        {raw(section(2, 1, 1, 0xff, 1, 'b', 0)), "UTF-8"},
		"memory upside down":    {raw(section(5, 1, 1, 2, 1)), "less than its least"},
		"memory too large":      {raw(section(5, 1, 0, 0x80, 0x80, 4)), "limit"},
		"memory beyond all":     {raw(section(5, 1, 1, 1, 0x81, 0x80, 4)), "65536"},
		"export of nothing":     {raw(section(7, 1, 1, 'a', 0, 0)), "names the function 0 of 0"},
		"exports alike":         {raw(section(5, 1, 0, 1), section(7, 2, 1, 'a', 2, 0, 1, 'a', 2, 0)), "two exports"},
		"start of nothing":      {raw(section(8, 0)), "function 0 of 0"},
		"data without memory":   {raw(section(11, 1, 0, 0x41, 0, 0x0b, 0)), "without a memory"},
		"data outside":          {raw(section(5, 1, 0, 0), section(11, 1, 0, 0x41, 0, 0x0b, 1, 'x')), "outside"},
		"data at -1":            {raw(section(5, 1, 0, 1), section(11, 1, 0, 0x41, 0x7f, 0x0b, 1, 'x')), "outside"},
		"data miscounted":       {raw(section(5, 1, 0, 1), section(12, 2), section(11, 1, 0, 0x41, 0, 0x0b, 0)), "announced"},
		"constant of two":       {raw(section(6, 1, 0x7f, 0, 0x41, 0, 0x41, 0, 0x0b)), "leaves 2"},
		"constant of none":      {raw(section(6, 1, 0x7f, 0, 0x6a, 0x0b)), "enough values"},
		"constant of a later":   {raw(section(6, 1, 0x7f, 0, 0x23, 0, 0x0b)), "global 0 of 0"},
		"constant with a call":  {raw(section(6, 1, 0x7f, 0, 0x10, 0, 0x0b)), "0x10"},
		"no end":                {body(Block, Empty, End), "cut short"},
		"two ends":              {body(End, End), "after its end"},
		"else alone":            {body(Else, End), "else"},
		"branch too far":        {body(Br(1), End), "branch"},
		"branch table too far":  {body(0x0e, 1, 0, 7, End), "branch"},
		"call of nothing":       {body(Call(3), End), "function 3 of 1"},
		"indirect without":      {body(I32Const(0), 0x11, 0, 0, End), "table 0 of 0"},
		"block type":            {body(Block, 5, End, End), "type 5"},
		"block of nothing":      {body(Block, 0x41, End, End), "unknown type"},
		"unknown instruction":   {body(0x27, End), "0x27"},
		"unknown instruction 2": {body(0xfc, 99, End), "99"},
		"segment unknown":       {body(0xfc, 9, 0, End), "data segment"},
	} {
		m, err := wasm.Parse(c.b)
		if err == nil {
			t.Errorf("%s: accepted, reasons %q", name, m.Reasons)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the message does not say %q: %v", name, c.says, err)
		}
	}
}

// TestReasons gives modules that are well formed and whose state cannot be taken.
func TestReasons(t *testing.T) {
	with := func(build func(m *Module)) []byte {
		m := &Module{}
		build(m)
		return m.Bytes()
	}
	code := func(code ...any) []byte {
		return with(func(m *Module) {
			m.Memory(1, 1)
			m.Table(0x70, 0, 1)
			m.Elements(1, 0, 0)
			m.Func("", none, none, nil, code...)
		})
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"threads":          {with(func(m *Module) { m.RawMemory(3, 1, 1) }), "shared between threads"},
		"64 bits":          {with(func(m *Module) { m.RawMemory(4, 1) }), "64-bit"},
		"two memories":     {with(func(m *Module) { m.Memory(1, 1); m.Memory(1, 1) }), "more than one memory"},
		"imported memory":  {with(func(m *Module) { m.RawImport("env", "memory", 2, 0, 1) }), "imports its memory"},
		"imported table":   {with(func(m *Module) { m.RawImport("env", "t", 1, 0x70, 0, 1) }), "imports the table"},
		"imported global":  {with(func(m *Module) { m.RawImport("env", "g", 3, 0x7f, 1) }), "imports the global"},
		"table of things":  {with(func(m *Module) { m.Table(0x6f, 0, 1) }), "externref"},
		"global of v128":   {with(func(m *Module) { m.Global(wasm.V128, true, 0xfd, 12, make([]byte, 16)) }), "v128"},
		"global reference": {with(func(m *Module) { m.Global(wasm.FuncRef, true, 0xd0, 0x70) }), "reference"},
		"table.set":        {code(I32Const(0), 0xd0, 0x70, 0x26, 0), "table.set"},
		"table.grow":       {code(0xd0, 0x70, I32Const(0), 0xfc, 15, 0, Drop), "table.grow"},
		"table.init":       {code(I32Const(0), I32Const(0), I32Const(0), 0xfc, 12, 0, 0), "table.init"},
		"table.copy":       {code(I32Const(0), I32Const(0), I32Const(0), 0xfc, 14, 0, 0), "table.copy"},
		"table.fill":       {code(I32Const(0), 0xd0, 0x70, I32Const(0), 0xfc, 17, 0), "table.fill"},
		"atomics":          {code(0xfe, 3, 0), "atomic"},
		"exceptions":       {code(0x1f, 0x40, 0, End), "exceptions"},
		"old exceptions":   {code(0x06, 0x40, 0x19, End), "exceptions"},
		"exnref":           {with(func(m *Module) { m.Type([]wasm.ValType{wasm.ExnRef}, nil) }), "exceptions"},
		"relaxed vectors":  {code(0xfd, 0x80, 2), "relaxed"},
		"typed references": {code(0x14, 0), "typed function references"},
		"stack switching":  {code(0xe0, 0), "stack switching"},
		"GC instructions":  {code(0xfb, 0), "GC"},
		"place of the data": {with(func(m *Module) {
			m.RawImport("env", "base", 3, 0x7f, 0)
			m.Memory(1, 1)
			m.RawData(0, 0x23, 0, 0x0b, 1, 'x')
		}), "imports the global"},
	} {
		m, err := wasm.Parse(c.b)
		if err != nil {
			t.Errorf("%s: malformed: %v", name, err)
		} else if !strings.Contains(strings.Join(m.Reasons, "\n"), c.says) {
			t.Errorf("%s: the reasons do not say %q: %q", name, c.says, m.Reasons)
		}
	}
}

func TestNotes(t *testing.T) {
	m := &Module{}
	m.Memory(1, 1)
	m.DataCount(1)
	m.Func("", none, none, nil, I32Const(0), I32Const(0), I32Const(1), 0xfc, 8, 0, 0, 0xfc, 9, 0)
	m.RawData(1, 1, 'x')
	p, err := wasm.Parse(m.Bytes())
	if err != nil || len(p.Reasons) > 0 || len(p.Notes) != 1 {
		t.Errorf("%v, reasons %q, notes %q", err, p.Reasons, p.Notes)
	}
}
