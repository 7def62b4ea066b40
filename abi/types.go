package abi

import (
	"slices"
	"strings"
)

// A Type is the type of a parameter or result, in WIT's vocabulary:
//
//	bool  s8 s16 s32 s64  u8 u16 u32 u64  f32 f64  char  string  time  value
//	list<T>  option<T>  tuple<T, ...>  map<K, T>, K being string, char or an integer
//
// list<u8> is bytes; value is any of them.
type Type struct {
	Name string // of the table above, without what is in angle brackets
	Args []Type // what is in angle brackets
}

// Limits of a type's text.
const (
	maxTypeLength = 1024
	maxTypeDepth  = 16
)

var (
	integerTypes = []string{"s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64"}
	simpleTypes  = append([]string{"bool", "f32", "f64", "char", "string", "time", "value"}, integerTypes...)
)

// ParseType reads a type. Its errors have code Refused and quote the type.
func ParseType(s string) (*Type, error) {
	if len(s) > maxTypeLength {
		return nil, Errorf(Refused, "a type of %d characters: at most %d are allowed", len(s), maxTypeLength)
	}
	p := typeParser{s}
	t, problem := p.parse(1)
	if problem == "" && strings.TrimSpace(p.rest) != "" {
		problem = "unexpected " + strings.TrimSpace(p.rest)
	}
	if problem != "" {
		return nil, Errorf(Refused, "type %q: %s", s, problem)
	}
	return &t, nil
}

type typeParser struct{ rest string }

// parse reads one type and returns what is wrong with it, if anything.
func (p *typeParser) parse(depth int) (t Type, problem string) {
	if depth > maxTypeDepth {
		return t, "nested too deeply"
	}
	if t.Name = p.word(); t.Name == "" {
		return t, "a type is missing"
	}
	if slices.Contains(simpleTypes, t.Name) {
		return t, ""
	}
	if !slices.Contains([]string{"list", "option", "tuple", "map"}, t.Name) {
		return t, "no type " + t.Name + ": use " + strings.Join(simpleTypes, ", ") + ", list<T>, option<T>, tuple<T, ...> or map<K, T>"
	}
	if !p.take("<") {
		return t, t.Name + " needs its types in < >"
	}
	for {
		arg, problem := p.parse(depth + 1)
		if problem != "" {
			return t, problem
		}
		t.Args = append(t.Args, arg)
		if !p.take(",") {
			break
		}
	}
	if !p.take(">") {
		return t, "> is missing"
	}
	return t, t.problem()
}

// problem says what is wrong with the types in t's angle brackets.
func (t Type) problem() string {
	switch {
	case t.Name == "map" && len(t.Args) != 2:
		return "map takes two types, of its keys and of its values"
	case t.Name == "map" && !t.Args[0].key():
		return "the keys of a map are string, char or integers"
	case (t.Name == "list" || t.Name == "option") && len(t.Args) != 1:
		return t.Name + " takes one type"
	case t.Name == "option" && t.Args[0].Name == "option":
		return "an option of an option cannot tell one null from the other"
	}
	return ""
}

func (t Type) key() bool { return t.Name == "string" || t.Name == "char" || t.integer() }

func (t Type) integer() bool { return slices.Contains(integerTypes, t.Name) }

// bytes reports whether t is list<u8>, which is a byte string.
func (t Type) bytes() bool { return t.Name == "list" && t.Args[0].Name == "u8" }

func (p *typeParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, " <>,")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

func (p *typeParser) take(s string) (ok bool) {
	p.rest, ok = strings.CutPrefix(strings.TrimLeft(p.rest, " "), s)
	return ok
}

// String returns the type as ParseType reads it.
func (t Type) String() string {
	if len(t.Args) == 0 {
		return t.Name
	}
	args := make([]string, len(t.Args))
	for i, a := range t.Args {
		args[i] = a.String()
	}
	return t.Name + "<" + strings.Join(args, ", ") + ">"
}
