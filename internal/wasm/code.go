package wasm

// A scan is the walk over the code of one function.
type scan struct {
	*reader
	m      *Module
	frames []frame
	calls  bool

	blocks, loops, targets uint64
}

// A frame is a block that is open.
type frame struct {
	op    byte
	start int
	patch int // of a loop, the patch at its head
}

// code reads the code section (5.5.13).
func (m *Module) code(s *reader) {
	if s.end-s.p > maxCode {
		s.fail("%d bytes of code; the limit is %d", s.end-s.p, maxCode)
		return
	}
	n := s.count("functions", maxFuncs)
	if s.err == nil && n != len(m.Funcs)-m.Imported {
		s.fail("%d functions are declared and %d have code", len(m.Funcs)-m.Imported, n)
		return
	}
	m.bodies = make([]body, 0, n)
	for i := 0; i < n && s.err == nil; i++ {
		size := s.u32()
		if size > maxBody {
			s.fail("function %d has %d bytes; the limit is %d", m.Imported+i, size, maxBody)
			return
		}
		f := s.sub(size)
		start, end := f.p, f.end
		m.function(f, m.Types[m.Funcs[m.Imported+i]])
		if f.err != nil {
			s.fail("function %d: %w", m.Imported+i, f.err)
		}
		m.bodies = append(m.bodies, body{start, end, len(m.patches)})
	}
}

// function reads one function and notes where its code is to be patched.
func (m *Module) function(r *reader, t FuncType) {
	locals := uint64(len(t.Params))
	for n := r.count("groups of locals", maxLocals); n > 0 && r.err == nil; n-- {
		locals += uint64(r.u32())
		m.valType(r)
		if locals > maxLocals {
			r.fail("%d locals; the limit is %d", locals, maxLocals)
		}
	}
	start, entry := r.p, len(m.patches)
	m.patches = append(m.patches, patch{at: start, end: start, kind: checkPatch})
	s := &scan{reader: r, m: m, frames: []frame{{op: opBlock, start: start}}, blocks: 1}
	s.body()
	if r.err != nil {
		return
	}
	// A short function that calls nothing ends soon: its loops alone are counted.
	if long := r.end - start; s.calls || long > shortBody {
		m.patches[entry].val = cost(long)
	}
	w := work(uint64(r.end-start), locals, s.blocks, s.loops, s.targets)
	if m.work += w; w > maxBodyWork || m.work > maxWork {
		r.fail("too much for a compiler: %d locals, %d blocks, %d loops (split the function, or build with optimization)", locals, s.blocks, s.loops)
	}
}

func (s *scan) body() {
	for s.err == nil && len(s.frames) > 0 {
		s.instruction()
	}
	if s.err == nil && s.p != s.end {
		s.fail("%d bytes after its end", s.end-s.p)
	}
}

func (s *scan) instruction() {
	at := s.p
	switch op := s.byte(); {
	case op == opEnd:
		f := s.frames[len(s.frames)-1]
		s.frames = s.frames[:len(s.frames)-1]
		if f.op == opLoop {
			s.m.patches[f.patch].val = cost(s.p - f.start)
		}
	case op == opElse:
		if s.frames[len(s.frames)-1].op != opIf {
			s.fail("else without if at byte %d", at)
			return
		}
		s.frames[len(s.frames)-1].op = opElse
		s.blocks++
	case op == opBlock || op == opLoop || op == opIf || op == opTryTable:
		s.open(op)
	case op == opBr || op == opBrIf:
		s.label()
		s.blocks++
	case op == opBrTable:
		s.branchTable()
	case op == opCall || op == opReturnCall:
		s.calls = true
		s.m.funcIndex(s.reader, true)
	case op == opCallIndirect || op == opReturnCallIndirect:
		s.calls = true
		s.m.typeIndex(s.reader)
		s.tableIndex()
	case op == opRefFunc:
		s.m.funcIndex(s.reader, true)
	case op == opSelectTyped:
		for n := s.count("types", maxParams); n > 0 && s.err == nil; n-- {
			s.m.valType(s.reader)
		}
	case op == opThrow || op == opThrowRef:
		s.m.reject(noExceptions)
		if op == opThrow {
			s.u32()
		}
	case op >= opLocalGet && op <= opGlobalSet:
		s.u32()
	case op == opTableGet || op == opTableSet:
		s.tableIndex()
		if op == opTableSet {
			s.table("table.set")
		}
	case op >= opI32Load && op <= opI64Store32:
		s.memarg()
	case op == opMemorySize:
		s.memoryIndex()
	case op == opMemoryGrow:
		s.memoryIndex()
		s.patch(at, pollPatch)
	case op == opI32Const:
		s.signed(32)
	case op == opI64Const:
		s.signed(64)
	case op == opF32Const:
		s.bytes(4)
	case op == opF64Const:
		s.bytes(8)
	case op == opRefNull:
		s.signed(33)
	case op <= 0x01, op == 0x0f, op == 0x1a, op == 0x1b, op > opF64Const && op <= opLastPlain, op == opRefIsNull:
		// unreachable, nop, return, drop, select, arithmetic: no operands
	case op == opMisc:
		s.misc(at)
	case op == opVector:
		s.vector()
	default:
		s.foreign(op, at)
	}
}

// foreign ends the walk at an instruction of a proposal that cannot be run here. The
// code after it cannot be told from operands, so it is not read.
func (s *scan) foreign(op byte, at int) {
	why := foreign(op)
	if why == "" {
		s.fail("unknown instruction %#x at byte %d", op, at)
		return
	}
	s.m.reject(why)
	s.frames = nil
	s.p = s.end
}

func (s *scan) open(op byte) {
	s.blockType()
	f := frame{op: op, start: s.p}
	switch op {
	case opLoop:
		s.loops++
		f.patch = len(s.m.patches)
		s.m.patches = append(s.m.patches, patch{at: s.p, end: s.p, kind: checkPatch})
	case opTryTable:
		s.m.reject(noExceptions)
		s.catches()
	}
	s.frames = append(s.frames, f)
	s.blocks++
	if len(s.frames) > maxDepth {
		s.fail("blocks are nested more than %d deep", maxDepth)
	}
}

func (s *scan) blockType() {
	t := s.signed(33)
	switch {
	case s.err != nil, t == -64: // none
	case t == -28 || t == -29:
		s.signed(33)
		s.m.reject(foreign(0x14))
	case t >= 0:
		if int(t) >= len(s.m.Types) {
			s.fail("a block of type %d of %d", t, len(s.m.Types))
		}
	default:
		if _, ok := valNames[ValType(t&0x7f)]; !ok || t < -64 {
			s.fail("a block of the unknown type %d", t)
		}
	}
}

func (s *scan) catches() {
	for n := s.count("catch clauses", maxTargets); n > 0 && s.err == nil; n-- {
		kind := s.byte()
		if kind > 3 {
			s.fail("a catch clause of kind %d", kind)
		}
		if kind < 2 {
			s.u32()
		}
		s.label()
		s.blocks++
	}
}

func (s *scan) branchTable() {
	n := s.count("targets", maxTargets)
	s.targets += uint64(n)
	for ; n >= 0 && s.err == nil; n-- {
		s.label()
	}
}

func (s *scan) label() {
	if l := s.u32(); s.err == nil && int64(l) >= int64(len(s.frames)) {
		s.fail("a branch out of %d blocks where %d are open", l, len(s.frames))
	}
}

func (s *scan) tableIndex() {
	if t := s.u32(); s.err == nil && int64(t) >= int64(len(s.m.Tables)) {
		s.fail("table %d of %d", t, len(s.m.Tables))
	}
}

func (s *scan) memoryIndex() {
	if i := s.u32(); i != 0 {
		s.m.reject("it has more than one memory")
	}
	s.needMemory()
}

func (s *scan) needMemory() {
	if s.err == nil && len(s.m.Memories) == 0 {
		s.fail("an access to memory in a module that has none")
	}
}

func (s *scan) memarg() {
	align := s.u32()
	if align&0x40 != 0 {
		s.u32()
		s.m.reject("it has more than one memory")
	}
	s.unsigned(64) // 32 bits but for 64-bit memories
	s.needMemory()
}

// table refuses an instruction that changes a table.
func (s *scan) table(name string) {
	s.m.reject("it changes a table while it runs (" + name + "), which no snapshot could hold")
}
