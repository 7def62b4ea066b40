package wasm

// names returns a name section with the names of functions by their new indices,
// for the stack traces of traps; nil if the module has none or they are broken.
func (w *rewriter) names() []byte {
	given := w.functionNames()
	if given == nil {
		return nil
	}
	var b []byte
	n := 0
	add := func(index uint64, name string) {
		b = AppendName(AppendUint(b, index), name)
		n++
	}
	last := -1
	for _, g := range given { // in the order of indices, as they must be
		if int(g.index) > last && int(g.index) >= w.m.Imported && int(g.index) < len(w.m.Funcs) {
			last = int(g.index)
			add(w.index(g.index), g.name)
		}
	}
	add(w.call, Prefix+"poll")
	imported := 0
	for _, im := range w.m.Imports {
		if im.Kind == Func {
			add(w.index(uint32(imported)), im.Module+"."+im.Name)
			imported++
		}
	}
	names := append(AppendUint(nil, uint64(n)), b...)
	section := AppendName(nil, "name")
	return AppendSection(section, 1, names) // a subsection looks like a section
}

type functionName struct {
	index uint32
	name  string
}

// functionNames reads the name section (appendix 7.4.1).
func (w *rewriter) functionNames() []functionName {
	b := w.m.Custom("name")
	for r := (&reader{b: b, end: len(b)}); r.more(); {
		id := r.byte()
		s := r.sub(r.u32())
		if id != 1 {
			continue
		}
		n := s.count("names", 2*maxFuncs)
		names := make([]functionName, 0, n)
		for ; n > 0 && s.err == nil; n-- {
			names = append(names, functionName{s.u32(), s.name()})
		}
		if s.err == nil && len(names) > 0 {
			return names
		}
	}
	return nil
}
