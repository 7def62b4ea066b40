package dms

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Field describes one exported field of a DM: a part of its configuration.
type Field struct {
	Name    string // in the text form: "ttl" for TTL, "maxConcurrent" for MaxConcurrent
	Type    string // duration, int, number, bool or text
	Default string // in the text form
	Doc     string // the field's tag `doc:"..."`

	value reflect.Value
	parse func(text string) error // sets value; nil for a type without a text form
}

// Fields returns the fields of a registered DM, in the order of its struct.
func Fields(name string) ([]Field, error) {
	dm, err := New(name)
	if err != nil {
		return nil, err
	}
	return fieldsOf(dm), nil
}

// NewField returns a field of a Loaded DM: setting it sets what p points to, which
// holds its default and is of type time.Duration, int, float64, bool or string, or a
// pointer to one of the last four, nil where the DM has a default of its own.
func NewField(name, doc string, p any) Field {
	f := Field{Name: name, Doc: doc, value: reflect.ValueOf(p).Elem()}
	f.Type, f.parse = kindOfField(p)
	f.Default = f.text()
	return f
}

// fieldsOf returns the fields of dm, a pointer to a struct unless it is Loaded;
// setting one sets dm's.
func fieldsOf(dm DM) (fields []Field) {
	if l, ok := dm.(Loaded); ok {
		return l.Fields()
	}
	v := reflect.ValueOf(dm).Elem()
	for _, sf := range reflect.VisibleFields(v.Type()) {
		if !sf.IsExported() || sf.Anonymous {
			continue
		}
		f := Field{Name: key(sf.Name), Doc: sf.Tag.Get("doc"), value: v.FieldByIndex(sf.Index)}
		f.Type, f.parse = kindOfField(f.value.Addr().Interface())
		f.Default = f.text()
		fields = append(fields, f)
	}
	return fields
}

// key returns the text form of a field's name: its leading capitals lowered.
func key(name string) string {
	r := []rune(name)
	for i := range r {
		if i > 0 && i+1 < len(r) && unicode.IsLower(r[i+1]) || !unicode.IsUpper(r[i]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}

func kindOfField(p any) (kind string, parse func(string) error) {
	switch p := p.(type) {
	case *time.Duration:
		return "duration", func(s string) (err error) { *p, err = time.ParseDuration(s); return err }
	case *int:
		return "int", func(s string) (err error) { *p, err = strconv.Atoi(s); return err }
	case *float64:
		return "number", func(s string) (err error) {
			if *p, err = strconv.ParseFloat(s, 64); err == nil && (math.IsNaN(*p) || math.IsInf(*p, 0)) {
				err = strconv.ErrSyntax
			}
			return err
		}
	case *bool:
		return "bool", func(s string) (err error) { *p, err = strconv.ParseBool(s); return err }
	case *string:
		return "text", func(s string) error { *p = s; return nil }
	case **int:
		return optional(p)
	case **float64:
		return optional(p)
	case **bool:
		return optional(p)
	case **string:
		return optional(p)
	}
	return "", nil
}

// optional is kindOfField of a field that is nil until it is set.
func optional[T any](p **T) (kind string, parse func(string) error) {
	v := new(T)
	kind, set := kindOfField(v)
	return kind, func(s string) error {
		err := set(s)
		if err == nil {
			*p = v
		}
		return err
	}
}

// examples gives a value of each type of field, for messages.
var examples = map[string]string{"duration": "10s", "int": "3", "number": "0.5", "bool": "true", "text": "eu-west"}

// set gives the field the value that text describes.
func (f *Field) set(text string) error {
	err := f.parse(text)
	var out *strconv.NumError
	switch {
	case errors.As(err, &out) && errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%s=%s is out of range", f.Name, text)
	case err != nil:
		return fmt.Errorf("%s=%s is no %s; write, say, %s=%s", f.Name, text, f.Type, f.Name, examples[f.Type])
	}
	return nil
}

// text returns the field's value in the text form.
func (f *Field) text() string {
	v := f.value
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "its own"
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return durationText(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case string:
		return quote(x)
	default:
		return fmt.Sprint(x)
	}
}

// durationText is time.Duration's text without its empty tail: 1m, not 1m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
