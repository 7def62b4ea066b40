package wasm

import (
	"bytes"
	"errors"
	"fmt"
)

const header = "\x00asm\x01\x00\x00\x00"

// rank puts sections in the order they must have (5.5.2; a tag section stands
// between memory and global).
var rank = [...]byte{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 13: 6, 6: 7, 7: 8, 8: 9, 9: 10, 12: 11, 10: 12, 11: 13}

var sectionNames = [...]string{
	"custom section", "types", "imports", "functions", "tables", "memory", "globals", "exports",
	"start", "elements", "code", "data", "data count", "tags",
}

// Parse reads a module. It returns an error if the module is malformed or
// beyond a limit; what is well formed and yet cannot be run ends up in
// Module.Reasons. It takes time and space in proportion to len(b).
func Parse(b []byte) (*Module, error) {
	if err := checkHeader(b); err != nil {
		return nil, err
	}
	m := &Module{Start: -1, dataCount: -1, bin: b, seen: map[string]bool{}}
	r := &reader{b: b, p: len(header), end: len(b)}
	var last byte
	for r.more() {
		id := r.byte()
		if int(id) >= len(sectionNames) {
			r.fail("section number %d is not known", id)
			break
		}
		s := r.sub(r.u32())
		if r.err != nil {
			r.err = fmt.Errorf("%s: %w", sectionNames[id], r.err)
			break
		}
		if id != 0 {
			if rank[id] <= last {
				r.fail("%s: section out of order or given twice", sectionNames[id])
				break
			}
			last = rank[id]
			m.sections = append(m.sections, section{id, s.p, s.end})
		}
		m.section(id, s)
		r.done(s, sectionNames[id])
	}
	if r.err == nil {
		r.err = m.consistent()
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

func checkHeader(b []byte) error {
	switch {
	case len(b) > MaxModule:
		return fmt.Errorf("%d bytes; the limit for a module is %d", len(b), MaxModule)
	case len(b) >= 4 && !bytes.HasPrefix(b, []byte(header[:4])), len(b) < 4:
		return errors.New("not a WebAssembly file (it does not begin with \\0asm)")
	case len(b) < 8:
		return errors.New("the file is cut short after its first bytes")
	case string(b[4:8]) == "\x0d\x00\x01\x00":
		return errors.New("a component, not a core module: give the core module inside it (wasm-tools component unbundle)")
	case !bytes.HasPrefix(b, []byte(header)):
		return fmt.Errorf("WebAssembly version %x; only version 1 is known", b[4:8])
	}
	return nil
}

func (m *Module) section(id byte, s *reader) {
	switch id {
	case 0:
		name := s.name()
		m.Customs = append(m.Customs, Custom{name, s.bytes(uint32(s.end - s.p))})
	case 1:
		m.types(s)
	case 2:
		m.imports(s)
	case 3:
		for n := s.count("functions", maxFuncs); n > 0 && s.err == nil; n-- {
			m.Funcs = append(m.Funcs, m.typeIndex(s))
		}
	case 4:
		m.tables(s)
	case 5:
		for n := s.count("memories", 100); n > 0 && s.err == nil; n-- {
			m.memory(s)
		}
	case 6:
		for n := s.count("globals", maxGlobals); n > 0 && s.err == nil; n-- {
			m.global(s)
		}
	case 7:
		m.exports(s)
	case 8:
		m.Start = int(m.funcIndex(s, false))
	case 9:
		m.segments(s)
	case 10:
		m.code(s)
	case 11:
		m.data(s)
	case 12:
		m.dataCount = int(s.u32())
	case 13:
		for n := s.count("tags", maxTags); n > 0 && s.err == nil; n-- {
			m.tag(s)
		}
	}
}

// consistent checks what no single section can tell.
func (m *Module) consistent() error {
	if defined := len(m.Funcs) - m.Imported; defined != len(m.bodies) {
		return fmt.Errorf("%d functions are declared and %d have code: the file is cut short or broken", defined, len(m.bodies))
	}
	if m.dataCount >= 0 && m.dataCount != len(m.Data) {
		return fmt.Errorf("%d data segments are announced and %d are there: the file is cut short or broken", m.dataCount, len(m.Data))
	}
	if m.passive && m.dataCount < 0 {
		return errors.New("memory.init without a data count section")
	}
	if len(m.Memories) > 1 {
		m.reject("it has more than one memory")
	}
	if m.Start >= 0 {
		if t := m.FuncType(uint32(m.Start)); len(t.Params)+len(t.Results) > 0 {
			return fmt.Errorf("the start function has the type %v", t)
		}
	}
	for _, d := range m.Data {
		if d.Passive || len(m.Memories) == 0 {
			continue
		}
		if uint64(d.Offset)+uint64(len(d.Bytes)) > m.Memories[0].Min<<16 {
			return fmt.Errorf("a data segment of %d bytes at %d lies outside the memory of %d pages", len(d.Bytes), d.Offset, m.Memories[0].Min)
		}
	}
	return nil
}
