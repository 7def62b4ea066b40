package wasm_test

import (
	"bytes"
	"strings"
	"testing"

	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

// bombs are modules that take the engine minutes or gigabytes, or end its process.
func bombs() map[string]struct {
	b    []byte
	says string
} {
	repeat := func(n int, code ...any) []byte { return bytes.Repeat(Code(code...), n) }
	locals := func(n int) []byte { return append(wasm.AppendUint([]byte{1}, uint64(n)), 0x7e) }
	one := func(locals []byte, code ...any) []byte { // a module of one function
		m := &Module{}
		m.RawFunc("", m.Type(nil, nil), Code(locals, Code(code...), End))
		return m.Bytes()
	}
	functions := func(n int, body []byte) []byte {
		m := &Module{}
		typ := m.Type(nil, nil)
		for range n {
			m.RawFunc("", typ, body)
		}
		return m.Bytes()
	}
	tables := func(n int, desc ...byte) []byte {
		m := &Module{}
		for range n {
			m.Table(desc...)
		}
		return m.Bytes()
	}
	items := func(id byte, n int, item ...byte) []byte {
		body := append(wasm.AppendUint(nil, uint64(n)), bytes.Repeat(item, n)...)
		return wasm.AppendSection([]byte("\x00asm\x01\x00\x00\x00"), id, body)
	}
	loops := func(nl, n int) (code []byte) {
		for k := range n {
			code = append(code, Code(Loop, Empty, LocalGet(k%nl), I32Const(1), I32Add, LocalTee(k*7%nl), BrIf(0), End)...)
		}
		return code
	}
	million := wasm.AppendUint(nil, 1_000_000)
	return map[string]struct {
		b    []byte
		says string
	}{
		"locals, 4 G":            {one(locals(0xffffffff)), "locals"},
		"locals, 1 M":            {one(locals(1_000_000)), "locals"},
		"locals in two groups":   {one(Code(2, wasm.AppendUint(nil, 6000), 0x7f, wasm.AppendUint(nil, 6000), 0x7e)), "locals"},
		"nested, 100 k":          {one([]byte{0}, repeat(100_000, Block, Empty), repeat(100_000, End)), "nested"},
		"500 locals, 5 k loops":  {one(locals(500), loops(500, 5000)), "too much"},
		"2 k locals, 20 k loops": {one(locals(2000), loops(2000, 20_000)), "too much"},
		"10 locals, 10 k loops":  {one(locals(10), loops(10, 10_000)), "too much"},
		"chain of 30 k blocks":   {one(locals(1), repeat(30_000, LocalGet(0), If, Empty, End)), "too much"},
		"branch table, 1 M":      {one([]byte{0}, Block, Empty, I32Const(0), 0x0e, million, make([]byte, 1_000_001), End), "targets"},
		"branch tables":          {one([]byte{0}, repeat(10, I32Const(0), 0x0e, wasm.AppendUint(nil, 60_000), make([]byte, 60_001))), "too much"},
		"1 M functions":          {functions(1_000_000, []byte{0, 0x0b}), "functions"},
		"much in many functions": {functions(200, Code(locals(100), loops(10, 1000), End)), "too much"},
		"locals in many":         {functions(20_000, Code(locals(9_999), LocalGet(0), If, Empty, End, End)), "too much"},
		"6 MB of straight code":  {one([]byte{0}, repeat(1_000_000, I32Const(1), I32Const(2), I32Add, Drop)), "limit"},
		"table of 100 M":         {tables(1, 0x70, 0, 0x80, 0xc2, 0xd7, 0x2f), "tables"},
		"table of 4 G":           {tables(1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f), "tables"},
		"1000 tables":            {tables(1000, 0x70, 0, 1), "tables"},
		"10 tables of 1 M":       {tables(10, 0x70, 0, 0xc0, 0x84, 0x3d), "tables"},
		"memory of 4 GiB":        {items(5, 1, 0, 0x80, 0x80, 4), "memory"},
		"1 M types":              {items(1, 1_000_000, 0x60, 0, 0), "types"},
		"1 M globals":            {items(6, 1_000_000, 0x7f, 0, 0x41, 0, 0x0b), "globals"},
		"1 M imports":            {items(2, 1_000_000, 0, 0, 0, 0), "imports"},
		"a type of 1 M":          {items(1, 1, append(append([]byte{0x60}, million...), make([]byte, 1_000_000)...)...), "parameters"},
		"a count of 4 G":         {append(items(1, 0)[:8], 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f), "types"},
		"a section of 4 G":       {append(items(1, 0)[:8], 11, 0xff, 0xff, 0xff, 0xff, 0x0f), "cut short"},
		"500 MB of data":         {append(items(1, 0)[:8], Code(5, 3, 1, 0, 1, 11, wasm.AppendUint(nil, 500<<20))...), "cut short"},
		"a constant of 100 k":    {items(6, 1, Code(0x7f, 0, repeat(100_000, I32Const(0)), End)...), "constant"},
		"a name of 1 M":          {items(0, 1, append(million, make([]byte, 1_000_000)...)...), ""},
	}
}

func TestBombsAreRefused(t *testing.T) {
	for name, c := range bombs() {
		m, err := wasm.Parse(c.b)
		if err == nil && c.says != "" {
			t.Errorf("%s: accepted, reasons %q", name, m.Reasons)
		} else if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the message does not say %q: %v", name, c.says, err)
		}
	}
	if _, err := wasm.Parse(append([]byte("\x00asm\x01\x00\x00\x00"), make([]byte, wasm.MaxModule)...)); err == nil {
		t.Error("a module beyond the limit is accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole().Bytes())
	for _, c := range bombs() {
		if len(c.b) < 1000 {
			f.Add(c.b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wasm.Parse(b)
		if err != nil || len(m.Reasons) > 0 {
			return
		}
		if _, err := wasm.Parse(m.Rewrite()); err != nil {
			t.Errorf("what was accepted is malformed when rewritten: %v", err)
		}
	})
}
