// Package asm builds small WebAssembly modules, for tests.
package asm

import (
	"fmt"

	"amino.run/internal/wasm"
)

// Value types, for brevity.
const (
	I32 = wasm.I32
	I64 = wasm.I64
)

// A Module is a module in the making. Its zero value is empty.
type Module struct {
	types, imports, funcs, tables, memories, globals, exports, elements, codes, datas [][]byte
	start, dataCount                                                                  []byte
	customs                                                                           []byte
	nImports                                                                          int
}

// Type adds a function type and returns its index.
func (m *Module) Type(params, results []wasm.ValType) uint32 {
	b := wasm.AppendUint([]byte{0x60}, uint64(len(params)))
	for _, t := range params {
		b = append(b, byte(t))
	}
	b = wasm.AppendUint(b, uint64(len(results)))
	for _, t := range results {
		b = append(b, byte(t))
	}
	m.types = append(m.types, b)
	return uint32(len(m.types) - 1)
}

// Import adds an imported function and returns its index. Imports come before functions.
func (m *Module) Import(module, name string, params, results []wasm.ValType) int {
	t := m.Type(params, results)
	m.RawImport(module, name, wasm.AppendUint([]byte{0}, uint64(t))...)
	m.nImports++
	return m.nImports - 1
}

// RawImport adds an import of any kind.
func (m *Module) RawImport(module, name string, desc ...byte) {
	m.imports = append(m.imports, append(wasm.AppendName(wasm.AppendName(nil, module), name), desc...))
}

// Func adds a function, exported if name is not empty, and returns its index. locals
// are i32 or i64 by turns as given.
func (m *Module) Func(name string, params, results, locals []wasm.ValType, code ...any) int {
	var ls []byte
	for _, t := range locals {
		ls = append(ls, 1, byte(t))
	}
	b := append(wasm.AppendUint(nil, uint64(len(locals))), ls...)
	return m.RawFunc(name, m.Type(params, results), append(append(b, Code(code...)...), 0x0b))
}

// RawFunc adds a function of a type whose body, locals included, is as given.
func (m *Module) RawFunc(name string, typ uint32, body []byte) int {
	i := m.nImports + len(m.funcs)
	m.funcs = append(m.funcs, wasm.AppendUint(nil, uint64(typ)))
	m.codes = append(m.codes, append(wasm.AppendUint(nil, uint64(len(body))), body...))
	if name != "" {
		m.Export(name, wasm.Func, i)
	}
	return i
}

// Export adds an export.
func (m *Module) Export(name string, kind wasm.Kind, index int) {
	m.exports = append(m.exports, wasm.AppendUint(append(wasm.AppendName(nil, name), byte(kind)), uint64(index)))
}

// Memory adds a memory with a least size and, if it is not negative, a most.
func (m *Module) Memory(least, most int) {
	b := wasm.AppendUint([]byte{0}, uint64(least))
	if most >= 0 {
		b[0] = 1
		b = wasm.AppendUint(b, uint64(most))
	}
	m.RawMemory(b...)
}

// RawMemory adds a memory of any form.
func (m *Module) RawMemory(limits ...byte) { m.memories = append(m.memories, limits) }

// Table adds a table: a reference type and limits.
func (m *Module) Table(desc ...byte) { m.tables = append(m.tables, desc) }

// Global adds a global of a type, mutable, with a constant expression (without
// its end) and returns its index.
func (m *Module) Global(t wasm.ValType, mutable bool, init ...any) int {
	b := []byte{byte(t), 0}
	if mutable {
		b[1] = 1
	}
	m.globals = append(m.globals, append(append(b, Code(init...)...), 0x0b))
	return len(m.globals) - 1
}

// Elements adds an element segment as it is in the binary format.
func (m *Module) Elements(b ...byte) { m.elements = append(m.elements, b) }

// Data adds an active data segment.
func (m *Module) Data(offset int, b []byte) {
	d := append(append([]byte{0}, Code(I32Const(offset))...), 0x0b)
	m.RawData(append(wasm.AppendUint(d, uint64(len(b))), b...)...)
}

// RawData adds a data segment as it is in the binary format.
func (m *Module) RawData(b ...byte) { m.datas = append(m.datas, b) }

// DataCount adds the section memory.init needs.
func (m *Module) DataCount(n int) { m.dataCount = wasm.AppendUint(nil, uint64(n)) }

// Start names the start function.
func (m *Module) Start(f int) { m.start = wasm.AppendUint(nil, uint64(f)) }

// Custom adds a custom section.
func (m *Module) Custom(name string, b []byte) {
	m.customs = wasm.AppendSection(m.customs, 0, append(wasm.AppendName(nil, name), b...))
}

// Bytes returns the module.
func (m *Module) Bytes() []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	vec := func(id byte, items [][]byte) {
		if len(items) == 0 {
			return
		}
		body := wasm.AppendUint(nil, uint64(len(items)))
		for _, i := range items {
			body = append(body, i...)
		}
		b = wasm.AppendSection(b, id, body)
	}
	vec(1, m.types)
	vec(2, m.imports)
	vec(3, m.funcs)
	vec(4, m.tables)
	vec(5, m.memories)
	vec(6, m.globals)
	vec(7, m.exports)
	if m.start != nil {
		b = wasm.AppendSection(b, 8, m.start)
	}
	vec(9, m.elements)
	if m.dataCount != nil {
		b = wasm.AppendSection(b, 12, m.dataCount)
	}
	vec(10, m.codes)
	vec(11, m.datas)
	return append(b, m.customs...)
}

// Code joins instructions: bytes as they are, ints as single bytes, slices of
// either.
func Code(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("asm: %T is not code", p))
		}
	}
	return b
}

func op(code byte, n int) []byte { return wasm.AppendUint([]byte{code}, uint64(n)) }

// The instructions with operands that tests use most.
func I32Const(v int) []byte  { return wasm.AppendInt([]byte{0x41}, int64(int32(v))) }
func I64Const(v int) []byte  { return wasm.AppendInt([]byte{0x42}, int64(v)) }
func Call(f int) []byte      { return op(0x10, f) }
func LocalGet(i int) []byte  { return op(0x20, i) }
func LocalSet(i int) []byte  { return op(0x21, i) }
func LocalTee(i int) []byte  { return op(0x22, i) }
func GlobalGet(i int) []byte { return op(0x23, i) }
func GlobalSet(i int) []byte { return op(0x24, i) }
func Br(l int) []byte        { return op(0x0c, l) }
func BrIf(l int) []byte      { return op(0x0d, l) }

// Load8 is i32.load8_u, Load64 is i64.load, Store8 is i32.store8, Store32 is i32.store,
// each at an offset.
func Load8(offset int) []byte   { return op2(0x2d, 0, offset) }
func Load64(offset int) []byte  { return op2(0x29, 0, offset) }
func Store8(offset int) []byte  { return op2(0x3a, 0, offset) }
func Store16(offset int) []byte { return op2(0x3b, 0, offset) }
func Store32(offset int) []byte { return op2(0x36, 0, offset) }
func Store64(offset int) []byte { return op2(0x37, 0, offset) }

func op2(code, align byte, offset int) []byte {
	return wasm.AppendUint([]byte{code, align}, uint64(offset))
}

// Plain instructions.
const (
	Unreachable = 0x00
	Block       = 0x02 // a block type follows
	Loop        = 0x03
	If          = 0x04
	Else        = 0x05
	End         = 0x0b
	Return      = 0x0f
	Drop        = 0x1a
	Empty       = 0x40 // the block type of no values
	MemorySize  = 0x3f // 0 follows
	MemoryGrow  = 0x40 // 0 follows
	I32Eqz      = 0x45
	I32Eq       = 0x46
	I32LtU      = 0x49
	I32Add      = 0x6a
	I32Sub      = 0x6b
	I32And      = 0x71
	I32Or       = 0x72
	I64Or       = 0x84
	I64Shl      = 0x86
	I64Add      = 0x7c
	I64ExtendU  = 0xad
)
