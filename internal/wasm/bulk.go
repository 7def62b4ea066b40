package wasm

// misc reads an instruction after the prefix 0xfc.
func (s *scan) misc(at int) {
	switch sub := s.u32(); sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating truncations
	case miscMemoryInit:
		s.dataIndex()
		s.memoryIndex()
		s.m.passive = true
		s.patch(at, bulkPatch)
	case miscDataDrop:
		s.dataIndex()
		s.m.passive = true
		s.m.patches = append(s.m.patches, patch{at: at, end: s.p, kind: dropPatch})
	case miscMemoryCopy:
		s.memoryIndex()
		s.memoryIndex()
		s.patch(at, bulkPatch)
	case miscMemoryFill:
		s.memoryIndex()
		s.patch(at, bulkPatch)
	case miscTableInit:
		s.u32()
		s.tableIndex()
		s.table("table.init")
	case miscElemDrop:
		s.u32()
		s.m.note("it drops element segments (elem.drop), which no instruction here can use")
	case miscTableCopy:
		s.tableIndex()
		s.tableIndex()
		s.table("table.copy")
	case miscTableGrow:
		s.tableIndex()
		s.table("table.grow")
	case miscTableSize:
		s.tableIndex()
	case miscTableFill:
		s.tableIndex()
		s.table("table.fill")
	default:
		s.fail("unknown instruction 0xfc %d at byte %d", sub, at)
	}
}

// patch makes Rewrite put something before an instruction.
func (s *scan) patch(at int, kind patchKind) {
	s.m.patches = append(s.m.patches, patch{at: at, end: at, kind: kind})
}

func (s *scan) dataIndex() {
	if i := s.u32(); s.err == nil && int64(i) >= int64(s.m.dataCount) {
		s.fail("data segment %d of %d", i, max(s.m.dataCount, 0))
	}
	s.m.note("it copies or drops passive data segments; data.drop leaves them as they are")
}

// vector reads an instruction after the prefix 0xfd.
func (s *scan) vector() {
	switch sub := s.u32(); {
	case sub <= 11, sub == 92, sub == 93: // loads and store
		s.memarg()
	case sub == vecConst, sub == 13: // v128.const, i8x16.shuffle
		s.bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		s.byte()
	case sub >= 84 && sub <= 91: // loads and stores of a lane
		s.memarg()
		s.byte()
	case sub >= 256:
		s.m.reject("it uses relaxed vector instructions, whose results differ between machines")
	}
}
