package value

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"amino.run/guest/internal/snake"
)

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[Raw]()
)

// Type returns t's name in a manifest. It is "" if values of t cannot be sent.
func Type(t reflect.Type) string { return typeName(t, nil) }

func typeName(t reflect.Type, inside []reflect.Type) string {
	switch t {
	case timeType:
		return "time"
	case rawType:
		return "value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int:
		return "s64"
	case reflect.Uint, reflect.Uintptr:
		return "u64"
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "s" + t.Kind().String()[3:]
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "u" + t.Kind().String()[4:]
	case reflect.Float32, reflect.Float64:
		return "f" + t.Kind().String()[5:]
	case reflect.String:
		return "string"
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return "value"
		}
		return ""
	}
	if slices.Contains(inside, t) { // a type that contains itself
		return "value"
	}
	inside = append(inside, t)
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return wrap("list<", typeName(t.Elem(), inside))
	case reflect.Pointer:
		return wrap("option<", typeName(t.Elem(), inside))
	case reflect.Map:
		switch key := typeName(t.Key(), inside); {
		case key == "string", key == "value", strings.HasPrefix(key, "u"), strings.HasPrefix(key, "s"):
			return wrap("map<"+key+", ", typeName(t.Elem(), inside))
		}
	case reflect.Struct:
		return structName(t, inside)
	}
	return ""
}

func wrap(left, name string) string {
	if name == "" {
		return ""
	}
	return left + name + ">"
}

// structName returns the type of a struct: a map from text to the type that all
// its fields share, or to any value.
func structName(t reflect.Type, inside []reflect.Type) string {
	common := ""
	for _, f := range fieldsOf(t) {
		switch name := typeName(t.Field(f.index).Type, inside); {
		case name == "":
			return ""
		case common == "":
			common = name
		case common != name:
			common = "value"
		}
	}
	if common == "" {
		common = "value"
	}
	return "map<string, " + common + ">"
}

// A field is one exported field of a struct, as a map's entry.
type field struct {
	index     int
	name      string
	key       []byte // the name, encoded
	omitEmpty bool
}

func (f *field) skip(v reflect.Value) bool { return f.omitEmpty && v.Field(f.index).IsZero() }

var fieldCache sync.Map // reflect.Type to []field

// fieldsOf returns the fields of a struct type. A field is called as its json
// tag says, else by its Go name in snake case.
func fieldsOf(t reflect.Type) []field {
	if f, ok := fieldCache.Load(t); ok {
		return f.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || tag == "-" {
			continue
		}
		if tag == "" {
			tag = snake.Case(sf.Name, '_')
		}
		key := append(appendHead(nil, majorText, uint64(len(tag))), tag...)
		fields = append(fields, field{i, tag, key, strings.Contains(options, "omitempty")})
	}
	fieldCache.Store(t, fields)
	return fields
}
