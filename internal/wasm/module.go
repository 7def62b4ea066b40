// Package wasm reads core WebAssembly modules (WebAssembly 2.0 with the
// proposals for tail calls and extended constants), finds what makes
// one hostile to a compiler or impossible to snapshot, and rewrites it so that
// its state can be taken and its computing metered.
//
// Section numbers in comments are those of the WebAssembly Core Specification.
package wasm

import "strings"

// A ValType is the type of a value (5.3.1 to 5.3.4).
type ValType byte

// The value types.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
	ExnRef    ValType = 0x69
)

var valNames = map[ValType]string{
	I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128",
	FuncRef: "funcref", ExternRef: "externref", ExnRef: "exnref",
}

// String returns the type's name in the text format.
func (t ValType) String() string { return valNames[t] }

func (t ValType) isRef() bool { return t == FuncRef || t == ExternRef || t == ExnRef }

// A FuncType is the type of a function.
type FuncType struct{ Params, Results []ValType }

// String returns the type as "(i32, i32) -> i64".
func (t FuncType) String() string {
	s := "(" + join(t.Params) + ")"
	if len(t.Results) > 0 {
		s += " -> " + join(t.Results)
	}
	return s
}

func join(ts []ValType) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// A Kind says what an import or export is.
type Kind byte

// The kinds.
const (
	Func Kind = iota
	Table
	Memory
	GlobalKind
	Tag
)

var kindNames = [...]string{"function", "table", "memory", "global", "tag"}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "thing"
}

// An Import is what a module asks of its host. Type indexes Module.Types and
// is meant for functions only.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32
}

// An Export is what a module offers its host.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// A Global is a global variable. Init holds the bits of its first value; those
// of references and of v128 are not kept.
type Global struct {
	Type    ValType
	Mutable bool
	Init    uint64

	start, end int // of the expression that gives its first value
}

// Limits bound a memory, in pages of 64 KiB, or a table, in elements.
type Limits struct {
	Min, Max uint64
	HasMax   bool
}

// Data is a data segment. Its bytes alias the module.
type Data struct {
	Passive bool
	Offset  uint32 // of an active one
	Bytes   []byte
}

// A Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte // alias the module
}

// A Module is what Parse learns of a module.
type Module struct {
	Types    []FuncType
	Imports  []Import
	Funcs    []uint32 // the type of each function, imported ones first
	Imported int      // number of imported functions
	Tables   []Limits
	Memories []Limits
	Globals  []Global // imported ones first
	Exports  []Export
	Start    int // a function, or -1
	Data     []Data
	Customs  []Custom

	// Reasons say, in plain words, what makes it impossible to take the module's
	// state or to run it. Notes say what it may do that needs care.
	Reasons []string
	Notes   []string

	bin       []byte
	sections  []section
	patches   []patch // in the order of their place
	bodies    []body
	passive   bool // memory.init or data.drop occur: segments must stay
	dataCount int  // as announced, or -1
	tags      int
	elements  int
	work      uint64
	seen      map[string]bool
}

type section struct {
	id         byte
	start, end int // of its body
}

// A body is the code of one function: its place, and the end of its patches
// in Module.patches (they begin where those of the body before it end).
type body struct {
	start, end int
	patches    int
}

// Export returns the export of a name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// FuncType returns the type of a function.
func (m *Module) FuncType(index uint32) FuncType { return m.Types[m.Funcs[index]] }

// Custom returns the bytes of the custom section of a name, or nil.
func (m *Module) Custom(name string) []byte {
	for _, c := range m.Customs {
		if c.Name == name {
			return c.Bytes
		}
	}
	return nil
}

func (m *Module) reject(reason string) { m.say(&m.Reasons, reason) }
func (m *Module) note(note string)     { m.say(&m.Notes, note) }

func (m *Module) say(list *[]string, s string) {
	if !m.seen[s] {
		m.seen[s] = true
		*list = append(*list, s)
	}
}
