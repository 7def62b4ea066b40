package abi

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// WIT returns the manifest as an interface in WIT, the language of the component
// model (https://component-model.bytecodealliance.org/design/wit.html). What WIT
// has no word for is written otherwise: value and time are aliases, map<K, T> is
// list<tuple<K, T>>, the constructor and readonly are documentation. The manifest
// must have been parsed by ParseManifest.
func (m *Manifest) WIT() string {
	var w witWriter
	for _, t := range m.Methods {
		w.funcs = append(w.funcs, unique(w.funcs, kebab(t.Name)))
	}
	w.value, w.time = w.alias("value", m), w.alias("time", m)

	name := escape(kebab(m.Name))
	fmt.Fprintf(&w, "package amino:%s;\n\n", name)
	doc := m.Doc
	if c := m.Constructor; c != nil {
		doc += fmt.Sprintf("\n\nconstructor(%s)\n%s", w.params(c), c.Doc)
	}
	w.doc("", strings.TrimSpace(doc))
	fmt.Fprintf(&w, "interface %s {", name)
	if w.value != "" {
		fmt.Fprintf(&w, "\n  /// Any value, as CBOR.\n  type %s = list<u8>;\n", w.value)
	}
	if w.time != "" {
		fmt.Fprintf(&w, "\n  /// An instant in RFC 3339.\n  type %s = string;\n", w.time)
	}
	for i := range m.Methods {
		w.method(&m.Methods[i], w.funcs[i])
	}
	w.WriteString("}\n")
	return w.String()
}

type witWriter struct {
	strings.Builder
	funcs       []string // the methods' names
	value, time string   // the names of the aliases, "" if not used
}

// doc writes a text as the documentation of what follows.
func (w *witWriter) doc(indent, text string) {
	for line := range strings.Lines(text) {
		w.WriteString(strings.TrimRightFunc(indent+"/// "+strings.Map(printable, line), unicode.IsSpace) + "\n")
	}
}

// printable drops what WIT forbids in its text: control and bidirectional characters.
func printable(r rune) rune {
	if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

// alias returns the name, which no method has, of a type that WIT lacks; "" if
// the manifest does not use it.
func (w *witWriter) alias(name string, m *Manifest) string {
	used := m.Constructor != nil && m.Constructor.uses(name) ||
		slices.ContainsFunc(m.Methods, func(t MethodType) bool { return t.uses(name) })
	switch {
	case !used:
		return ""
	case slices.Contains(w.funcs, name):
		return unique(w.funcs, name+"-type")
	}
	return name
}

func (w *witWriter) method(m *MethodType, name string) {
	w.WriteString("\n")
	w.doc("  ", m.Doc)
	if m.ReadOnly {
		w.doc("  ", "Readonly.")
	}
	fmt.Fprintf(w, "  %s: func(%s)", escape(name), w.params(m))
	if m.Result != "" {
		w.WriteString(" -> " + w.typeName(m.Result))
	}
	w.WriteString(";\n")
}

func (w *witWriter) params(m *MethodType) string {
	var names, params []string
	for _, p := range m.Params {
		names = append(names, unique(names, kebab(p.Name)))
		params = append(params, escape(names[len(names)-1])+": "+w.typeName(p.Type))
	}
	return strings.Join(params, ", ")
}

func (w *witWriter) typeName(s string) string {
	t, err := ParseType(s)
	if err != nil { // not from ParseManifest
		return s
	}
	return w.wit(*t).String()
}

// wit returns t in WIT's own types.
func (w *witWriter) wit(t Type) Type {
	var args []Type
	for _, a := range t.Args {
		args = append(args, w.wit(a))
	}
	switch t.Name {
	case "value":
		return Type{Name: w.value}
	case "time":
		return Type{Name: w.time}
	case "map":
		return Type{Name: "list", Args: []Type{{Name: "tuple", Args: args}}}
	}
	return Type{Name: t.Name, Args: args}
}

// uses reports whether a simple type is part of the method's type.
func (m *MethodType) uses(name string) bool {
	in := func(s string) bool {
		t, err := ParseType(s)
		return err == nil && t.contains(name)
	}
	return in(m.Result) || slices.ContainsFunc(m.Params, func(p Param) bool { return in(p.Type) })
}

func (t Type) contains(name string) bool {
	return t.Name == name || slices.ContainsFunc(t.Args, func(a Type) bool { return a.contains(name) })
}

// kebab returns a name in WIT's spelling: words that begin with a lower-case
// letter, joined by -. A word that begins with a digit joins the one before.
func kebab(name string) string {
	var b strings.Builder
	dash := false
	lower := false // the last rune was a lower-case letter or digit
	for _, r := range name {
		switch {
		case r == '_' || r == '-':
			dash, lower = b.Len() > 0, false
			continue
		case unicode.IsDigit(r) && b.Len() == 0:
			b.WriteByte('n')
		case (dash || unicode.IsUpper(r) && lower) && !unicode.IsDigit(r):
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
		dash, lower = false, !unicode.IsUpper(r)
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

// unique returns name, or what is left of it when taken has it.
func unique(taken []string, name string) string {
	for slices.Contains(taken, name) {
		name += "-x"
	}
	return name
}

var witKeywords = strings.Fields(`as async bool borrow char constructor enum error-context export f32 f64 flags
	from func future import include interface list map option own package record resource result
	s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use variant with world`)

// escape makes an identifier of a name that may be a keyword.
func escape(name string) string {
	if slices.Contains(witKeywords, name) {
		return "%" + name
	}
	return name
}
