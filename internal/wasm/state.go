package wasm

import (
	"encoding/binary"
	"slices"
)

// A State is what a module may begin in, in place of what it declares.
type State struct {
	Pages   uint32   // of memory
	Globals []uint64 // bits of the mutable globals, in the order of MutableGlobals
	Data    []Data   // active, in place of the module's active segments
}

// Begin returns the module changed to begin in a state. The start function, and
// the exports that are named without, are left out: what they do has been done.
// m must have no Reasons.
func (m *Module) Begin(st State, without ...string) []byte {
	w := &beginner{m, st, without}
	out := append(make([]byte, 0, len(m.bin)), header...)
	last := false
	for _, s := range m.sections {
		switch s.id {
		case 5:
			out = AppendSection(out, 5, w.memory())
		case 6:
			out = AppendSection(out, 6, w.globals())
		case 7:
			out = AppendSection(out, 7, w.exports())
		case 8:
		case 11:
			last = true
			out = AppendSection(out, 11, w.data())
		case 12:
			out = AppendSection(out, 12, AppendUint(nil, uint64(len(w.segments()))))
		default:
			out = AppendSection(out, s.id, m.bin[s.start:s.end])
		}
	}
	if !last {
		out = AppendSection(out, 11, w.data())
	}
	for _, c := range m.Customs {
		out = AppendSection(out, 0, append(AppendName(nil, c.Name), c.Bytes...))
	}
	return out
}

type beginner struct {
	m       *Module
	state   State
	without []string
}

func (w *beginner) memory() []byte {
	l := w.m.Memories[0]
	if !l.HasMax {
		return AppendUint([]byte{1, 0}, uint64(w.state.Pages))
	}
	return AppendUint(AppendUint([]byte{1, 1}, uint64(w.state.Pages)), l.Max)
}

func (w *beginner) globals() []byte {
	b := AppendUint(nil, uint64(len(w.m.Globals)))
	values := w.state.Globals
	for _, g := range w.m.Globals {
		if !g.Mutable {
			b = append(append(b, byte(g.Type), 0), w.m.bin[g.start:g.end]...)
			continue
		}
		b = appendConst(append(b, byte(g.Type), 1), g.Type, values[0])
		values = values[1:]
	}
	return b
}

// appendConst appends a constant expression of a number whose bits are given.
func appendConst(b []byte, t ValType, bits uint64) []byte {
	switch t {
	case I32:
		b = AppendInt(append(b, opI32Const), int64(int32(bits)))
	case I64:
		b = AppendInt(append(b, opI64Const), int64(bits))
	case F32:
		b = binary.LittleEndian.AppendUint32(append(b, opF32Const), uint32(bits))
	case F64:
		b = binary.LittleEndian.AppendUint64(append(b, opF64Const), bits)
	}
	return append(b, opEnd)
}

func (w *beginner) exports() []byte {
	all := slices.DeleteFunc(slices.Clone(w.m.Exports), func(e Export) bool { return slices.Contains(w.without, e.Name) })
	b := AppendUint(nil, uint64(len(all)))
	for _, e := range all {
		b = AppendUint(append(AppendName(b, e.Name), byte(e.Kind)), uint64(e.Index))
	}
	return b
}

// segments keeps the passive ones at their numbers: an empty passive one stands for
// each active one if instructions name any.
func (w *beginner) segments() []Data {
	var all []Data
	for _, d := range w.m.Data {
		if w.m.passive && !d.Passive {
			d = Data{Passive: true}
		}
		if d.Passive {
			all = append(all, d)
		}
	}
	return append(all, w.state.Data...)
}

func (w *beginner) data() []byte {
	all := w.segments()
	b := AppendUint(nil, uint64(len(all)))
	for _, d := range all {
		if d.Passive {
			b = append(b, 1)
		} else {
			b = appendConst(append(b, 0), I32, uint64(d.Offset))
		}
		b = append(AppendUint(b, uint64(len(d.Bytes))), d.Bytes...)
	}
	return b
}
