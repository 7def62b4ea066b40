package wasm

import "fmt"

// Names of what Rewrite adds. No export of a guest may begin with Prefix.
const (
	Prefix       = "amino:"
	GlobalPrefix = Prefix + "global:" // and the index of a mutable global
	StartExport  = Prefix + "start"   // the start function
	FuelExport   = Prefix + "fuel"    // i32: what is left until the next poll
	PollModule   = Prefix + "host"    // import: poll (i32) -> i32
	PollName     = "poll"             // takes what is left (negative), returns a new ration
)

// A patch replaces the bytes [at, end) of the module.
type patch struct {
	at, end int
	kind    patchKind
	val     uint32 // a function, or what a check counts; 0 is no check
}

type patchKind uint8

const (
	funcPatch  patchKind = iota // the index of a function, which is another now
	checkPatch                  // counts val and polls when the ration is used up
	bulkPatch                   // counts the number of bytes on the stack, likewise
	pollPatch                   // polls: the next instruction may take long
	dropPatch                   // nothing in place of data.drop, which would be state outside of memory
)

const (
	// shortBody is the length in bytes up to which a function that calls nothing is
	// not counted.
	shortBody = 1024
	// bulkShift: an instruction on many bytes counts one for each 2^bulkShift.
	bulkShift = 9
)

// cost is what one turn through n bytes of code counts: 1, and more for long code,
// so that the same count means about the same time.
func cost(n int) uint32 { return 1 + uint32(n>>8) }

// MutableGlobals returns the indices of the globals that are part of the state.
func (m *Module) MutableGlobals() []uint32 {
	var is []uint32
	for i, g := range m.Globals {
		if g.Mutable {
			is = append(is, uint32(i))
		}
	}
	return is
}

// Rewrite returns the module with
//   - every mutable global exported as GlobalPrefix and its index,
//   - the start function exported as StartExport, not run,
//   - no active data: the caller has it from Data,
//   - every loop and every function that calls or is long counting down the global
//     FuelExport, and calling the import PollName when it is below zero,
//   - the same import called before each call of another import, and memory.grow,
//   - no custom sections, whose offsets no longer hold, but the functions' names.
//
// Instantiating it therefore writes no memory. m must have no Reasons.
func (m *Module) Rewrite() []byte {
	w := &rewriter{
		m:    m,
		out:  append(make([]byte, 0, len(m.bin)+len(m.bin)/8), header...),
		fuel: uint64(len(m.Globals)),
		poll: uint64(m.Imported),
		call: uint64(len(m.Funcs)) + 1, // then one function for each import
	}
	w.check = w.checkTail()
	// The sections that something is added to are made whether or not they are there.
	w.upTo(1)
	w.section(1, w.types())
	w.upTo(2)
	w.section(2, w.imports())
	w.upTo(3)
	w.section(3, w.funcs())
	w.upTo(6)
	w.section(6, w.globals())
	w.upTo(7)
	w.section(7, w.exports())
	w.upTo(10)
	w.section(10, w.code())
	w.upTo(11)
	if m.passive {
		w.section(11, w.data())
	}
	if names := w.names(); names != nil {
		w.section(0, names)
	}
	return w.out
}

type rewriter struct {
	m       *Module
	out     []byte
	next    int    // of Module.sections
	patched int    // of Module.patches
	fuel    uint64 // the added global
	poll    uint64 // the added import
	call    uint64 // the added function that calls it; those for imports follow
	check   []byte // the end of a check
}

func (w *rewriter) section(id byte, body []byte) { w.out = AppendSection(w.out, id, body) }

// upTo copies the sections before the one of a number, and skips that one: its
// maker reads it from the module.
func (w *rewriter) upTo(id byte) {
	for ; w.next < len(w.m.sections) && rank[w.m.sections[w.next].id] <= rank[id]; w.next++ {
		s := w.m.sections[w.next]
		switch {
		case s.id == id || s.id == 8:
		case s.id == 12 && !w.m.passive:
		default:
			w.section(s.id, w.copy(nil, s.start, s.end))
		}
	}
}

// copy appends the bytes [start, end) of the module, patched.
func (w *rewriter) copy(b []byte, start, end int) []byte {
	ps := w.m.patches
	for w.patched < len(ps) && ps[w.patched].at < start {
		w.patched++
	}
	for ; w.patched < len(ps) && ps[w.patched].at < end; w.patched++ {
		p := ps[w.patched]
		b = append(b, w.m.bin[start:p.at]...)
		start = p.end
		switch p.kind {
		case funcPatch:
			b = AppendUint(b, w.index(p.val))
		case pollPatch:
			b = AppendUint(append(b, opCall), w.call)
		case checkPatch:
			if p.val > 0 {
				b = AppendUint(append(b, opGlobalGet), w.fuel)
				b = AppendInt(append(b, opI32Const), int64(p.val))
				b = append(b, w.check...)
			}
		case bulkPatch:
			b = w.bulk(b)
		}
	}
	return append(b, w.m.bin[start:end]...)
}

// index returns what a function is called by now: an import by the function
// that polls before it.
func (w *rewriter) index(f uint32) uint64 {
	if int(f) < w.m.Imported {
		return w.call + 1 + uint64(f)
	}
	return uint64(f) + 1
}

// checkTail is what follows "global.get fuel, i32.const n" in a check.
func (w *rewriter) checkTail() []byte {
	b := AppendUint([]byte{opI32Sub, opGlobalSet}, w.fuel)
	b = AppendUint(append(b, opGlobalGet), w.fuel)
	b = append(b, opI32Const, 0, opI32LtS, opIf, 0x40)
	return append(AppendUint(append(b, opCall), w.call), opEnd)
}

// bulk counts the i32 on top of the stack, the number of bytes, and leaves it there.
func (w *rewriter) bulk(b []byte) []byte {
	length := w.fuel + 1
	b = AppendUint(append(b, opGlobalSet), length)
	b = AppendUint(append(b, opGlobalGet), w.fuel)
	b = AppendUint(append(b, opGlobalGet), length)
	b = append(b, opI32Const, bulkShift, opI32ShrU)
	b = append(b, w.check...)
	return AppendUint(append(b, opGlobalGet), length)
}

// rest returns the items of a vector section, without their count.
func (w *rewriter) rest(id byte) []byte {
	for _, s := range w.m.sections {
		if s.id == id {
			r := &reader{b: w.m.bin, p: s.start, end: s.end}
			r.u32()
			return w.copy(nil, r.p, s.end)
		}
	}
	return nil
}

func (w *rewriter) types() []byte {
	b := AppendUint(nil, uint64(len(w.m.Types))+2)
	b = append(b, w.rest(1)...)
	return append(b, 0x60, 1, byte(I32), 1, byte(I32), 0x60, 0, 0)
}

func (w *rewriter) imports() []byte {
	b := AppendUint(nil, uint64(len(w.m.Imports))+1)
	b = append(b, w.rest(2)...)
	b = AppendName(AppendName(b, PollModule), PollName)
	return AppendUint(append(b, byte(Func)), uint64(len(w.m.Types)))
}

func (w *rewriter) funcs() []byte {
	b := AppendUint(nil, uint64(len(w.m.Funcs))+1)
	b = append(b, w.rest(3)...)
	b = AppendUint(b, uint64(len(w.m.Types))+1)
	for _, t := range w.m.Funcs[:w.m.Imported] {
		b = AppendUint(b, uint64(t))
	}
	return b
}

func (w *rewriter) globals() []byte {
	b := AppendUint(nil, uint64(len(w.m.Globals))+2)
	b = append(b, w.rest(6)...)
	for range 2 { // the fuel, and the length of a bulk instruction
		b = append(b, byte(I32), 1, opI32Const, 0, opEnd)
	}
	return b
}

func (w *rewriter) exports() []byte {
	all := append([]Export(nil), w.m.Exports...)
	for _, i := range w.m.MutableGlobals() {
		all = append(all, Export{fmt.Sprint(GlobalPrefix, i), GlobalKind, i})
	}
	all = append(all, Export{FuelExport, GlobalKind, uint32(w.fuel)})
	if w.m.Start >= 0 {
		all = append(all, Export{StartExport, Func, uint32(w.m.Start)})
	}
	b := AppendUint(nil, uint64(len(all)))
	for _, e := range all {
		if e.Kind == Func {
			e.Index = uint32(w.index(e.Index))
		}
		b = AppendUint(append(AppendName(b, e.Name), byte(e.Kind)), uint64(e.Index))
	}
	return b
}

func (w *rewriter) code() []byte {
	b := AppendUint(make([]byte, 0, len(w.m.bin)/2), uint64(len(w.m.bodies)+1+w.m.Imported))
	var f []byte
	add := func() { b = append(AppendUint(b, uint64(len(f))), f...) }
	for _, c := range w.m.bodies {
		f = w.copy(f[:0], c.start, c.end)
		add()
	}
	f = AppendUint(append(f[:0], 0, opGlobalGet), w.fuel) // no locals
	f = AppendUint(append(f, opCall), w.poll)
	f = append(AppendUint(append(f, opGlobalSet), w.fuel), opEnd)
	add()
	for i, t := range w.m.Funcs[:w.m.Imported] {
		f = AppendUint(append(f[:0], 0, opCall), w.call)
		for p := range w.m.Types[t].Params {
			f = AppendUint(append(f, opLocalGet), uint64(p))
		}
		f = append(AppendUint(append(f, opCall), uint64(i)), opEnd)
		add()
	}
	return b
}

// data keeps passive segments and leaves an empty one for each active one, so
// that the numbers of the others hold.
func (w *rewriter) data() []byte {
	b := AppendUint(nil, uint64(len(w.m.Data)))
	for _, d := range w.m.Data {
		b = append(b, 1)
		if !d.Passive {
			b = append(b, 0)
			continue
		}
		b = append(AppendUint(b, uint64(len(d.Bytes))), d.Bytes...)
	}
	return b
}
