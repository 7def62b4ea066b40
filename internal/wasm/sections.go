package wasm

func (m *Module) valType(s *reader) ValType {
	t := ValType(s.byte())
	switch t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef:
	case ExnRef:
		m.reject(noExceptions)
	case 0x63, 0x64:
		s.signed(33)
		m.reject("it uses typed function references")
		return FuncRef
	case 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73, 0x74:
		m.reject("it needs a garbage-collecting engine (GC proposal)")
		return ExternRef
	default:
		s.fail("%#x at byte %d is not a value type", byte(t), s.p-1)
	}
	return t
}

func (m *Module) refType(s *reader) ValType {
	t := m.valType(s)
	if s.err == nil && !t.isRef() {
		s.fail("%v where a reference type is needed", t)
	}
	return t
}

func (m *Module) types(s *reader) {
	for n := s.count("types", maxTypes); n > 0 && s.err == nil; n-- {
		form := s.byte()
		if form >= 0x4e && form <= 0x5f {
			// A module for another engine. The rest of its types cannot be skipped
			// without reading that proposal, so this is the only reason given.
			s.fail("it needs a garbage-collecting engine (GC proposal)")
			return
		}
		if form != 0x60 {
			s.fail("%#x is not a function type", form)
			return
		}
		m.Types = append(m.Types, FuncType{m.vals(s, "parameters"), m.vals(s, "results")})
	}
}

func (m *Module) vals(s *reader, what string) []ValType {
	n := s.count(what, maxParams)
	if n == 0 {
		return nil
	}
	ts := make([]ValType, 0, n)
	for ; n > 0 && s.err == nil; n-- {
		ts = append(ts, m.valType(s))
	}
	return ts
}

func (m *Module) typeIndex(s *reader) uint32 {
	t := s.u32()
	if s.err == nil && int(t) >= len(m.Types) {
		s.fail("type %d of %d", t, len(m.Types))
	}
	return t
}

// funcIndex reads the index of a function. Where patched, Rewrite writes its new
// index in the same place.
func (m *Module) funcIndex(s *reader, patched bool) uint32 {
	at := s.p
	f := s.u32()
	if s.err == nil && int(f) >= len(m.Funcs) {
		s.fail("function %d of %d", f, len(m.Funcs))
	}
	if patched {
		m.patches = append(m.patches, patch{at: at, end: s.p, kind: funcPatch, val: f})
	}
	return f
}

func (m *Module) imports(s *reader) {
	for n := s.count("imports", maxImports); n > 0 && s.err == nil; n-- {
		im := Import{Module: s.name(), Name: s.name(), Kind: Kind(s.byte())}
		full := im.Module + "." + im.Name
		switch im.Kind {
		case Func:
			im.Type = m.typeIndex(s)
			m.Funcs = append(m.Funcs, im.Type)
			m.Imported++
		case Table:
			m.refType(s)
			m.Tables = append(m.Tables, m.limits(s, "table"))
			m.reject("it imports the table " + full + ", whose state it would share")
		case Memory:
			m.memory(s)
			m.reject("it imports its memory (" + full + "): link it so that the module defines and exports its own")
		case GlobalKind:
			g := Global{Type: m.valType(s), Mutable: s.byte() == 1}
			m.Globals = append(m.Globals, g)
			m.reject("it imports the global " + full)
		case Tag:
			m.tag(s)
			m.reject("it imports the exception tag " + full)
		default:
			s.fail("import %s of kind %d", full, im.Kind)
		}
		m.Imports = append(m.Imports, im)
	}
}

func (m *Module) limits(s *reader, what string) (l Limits) {
	flags := s.byte()
	if flags > 7 {
		s.fail("%s limits of form %#x", what, flags)
	}
	if flags&2 != 0 {
		m.reject("its " + what + " is shared between threads")
	}
	if bits := uint(32); flags&4 != 0 {
		m.reject("its " + what + " has 64-bit addresses")
		bits = 64
		l.Min = s.unsigned(bits)
		if l.HasMax = flags&1 != 0; l.HasMax {
			l.Max = s.unsigned(bits)
		}
		return l
	}
	l.Min = uint64(s.u32())
	if l.HasMax = flags&1 != 0; l.HasMax {
		if l.Max = uint64(s.u32()); l.Max < l.Min {
			s.fail("a %s whose most (%d) is less than its least (%d)", what, l.Max, l.Min)
		}
	}
	return l
}

func (m *Module) memory(s *reader) {
	l := m.limits(s, "memory")
	if s.err == nil && l.Min > maxPages {
		s.fail("it asks for %d pages of memory from the start; the limit is %d", l.Min, maxPages)
	}
	if s.err == nil && l.HasMax && l.Max > 65536 && !m.seen["its memory has 64-bit addresses"] {
		s.fail("%d pages of memory at most; there are no more than 65536", l.Max)
	}
	m.Memories = append(m.Memories, l)
}

func (m *Module) tables(s *reader) {
	var total uint64
	for n := s.count("tables", maxTables); n > 0 && s.err == nil; n-- {
		withInit := s.p < s.end && s.b[s.p] == 0x40
		if withInit {
			s.byte()
			if s.byte() != 0 {
				s.fail("a table of an unknown form")
			}
		}
		t := m.refType(s)
		l := m.limits(s, "table")
		if withInit {
			m.constant(s)
		}
		if t != FuncRef {
			m.reject("it has a table of " + t.String() + ", which only this process could read")
		}
		if total += l.Min; total > maxTableSize || l.Min > maxTableSize {
			s.fail("tables of %d entries; the limit is %d", total, maxTableSize)
		}
		m.Tables = append(m.Tables, l)
	}
}

func (m *Module) tag(s *reader) {
	if s.byte() != 0 {
		s.fail("a tag of an unknown form")
	}
	m.typeIndex(s)
	m.tags++
}

func (m *Module) global(s *reader) {
	g := Global{Type: m.valType(s)}
	switch mut := s.byte(); mut {
	case 0, 1:
		g.Mutable = mut == 1
	default:
		s.fail("a global of an unknown form")
	}
	g.start = s.p
	g.Init, _ = m.constant(s)
	g.end = s.p
	if g.Mutable && g.Type == V128 {
		m.reject("it has a mutable global of type v128, which no engine lets its host read in full")
	}
	if g.Mutable && g.Type.isRef() {
		m.reject("it has a mutable global that holds a reference, which only this process could read")
	}
	m.Globals = append(m.Globals, g)
}

func (m *Module) exports(s *reader) {
	names := map[string]bool{}
	for n := s.count("exports", maxExports); n > 0 && s.err == nil; n-- {
		e := Export{s.name(), Kind(s.byte()), s.u32()}
		size := 0
		switch e.Kind {
		case Func:
			size = len(m.Funcs)
		case Table:
			size = len(m.Tables)
		case Memory:
			size = len(m.Memories)
		case GlobalKind:
			size = len(m.Globals)
		case Tag:
			size = m.tags
		}
		if s.err == nil && int(e.Index) >= size {
			s.fail("export %q names the %v %d of %d", e.Name, e.Kind, e.Index, size)
		}
		if names[e.Name] {
			s.fail("two exports are called %q", e.Name)
		}
		names[e.Name] = true
		m.Exports = append(m.Exports, e)
	}
}

// segments reads the element section (5.5.12). The segments stay as they are
// but for the numbers of their functions.
func (m *Module) segments(s *reader) {
	for n := s.count("element segments", maxElements); n > 0 && s.err == nil; n-- {
		flags := s.u32()
		if flags > 7 {
			s.fail("an element segment of form %d", flags)
		}
		if flags&1 == 0 { // active
			table := uint32(0)
			if flags&2 != 0 {
				table = s.u32()
			}
			if s.err == nil && int(table) >= len(m.Tables) {
				s.fail("an element segment for table %d of %d", table, len(m.Tables))
			}
			m.constant(s)
		}
		exprs := flags&4 != 0
		if flags&3 != 0 {
			if exprs {
				m.refType(s)
			} else if s.byte() != 0 {
				s.fail("an element segment of an unknown kind")
			}
		}
		k := s.count("elements", maxElements)
		if m.elements += k; m.elements > maxElements {
			s.fail("more than %d elements", maxElements)
		}
		for ; k > 0 && s.err == nil; k-- {
			if exprs {
				m.constant(s)
			} else {
				m.funcIndex(s, true)
			}
		}
	}
}

func (m *Module) data(s *reader) {
	n := s.count("data segments", maxSegments)
	m.Data = make([]Data, 0, n)
	for ; n > 0 && s.err == nil; n-- {
		var d Data
		switch form := s.u32(); form {
		case 1:
			d.Passive = true
		case 0, 2:
			if form == 2 && s.u32() != 0 {
				m.reject("it has data for a second memory")
			}
			if len(m.Memories) == 0 && s.err == nil {
				s.fail("a data segment without a memory")
			}
			v, ok := m.constant(s)
			if !ok {
				m.reject("the place of its data is not constant (position-independent code): link it statically")
			}
			d.Offset = uint32(v)
		default:
			s.fail("a data segment of form %d", form)
		}
		d.Bytes = s.bytes(s.u32())
		m.Data = append(m.Data, d)
	}
}
