// Package value turns Go values into the values of the guest ABI and back:
// CBOR (RFC 8949), with the forms and limits of ABI.md.
package value

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and maps may be nested.
const MaxDepth = 64

// Raw is one value as CBOR, kept as it is. An empty one is null.
type Raw []byte

// Decode reads the value into the variable that v points to. It is an error if
// that cannot hold it without loss.
func (r Raw) Decode(v any) error {
	if len(r) == 0 {
		r = Raw{cborNull}
	}
	return Decode(r, v)
}

// The major types of RFC 8949, section 3.1.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// The simple values and floats, as whole bytes.
const (
	cborFalse  = 0xf4
	cborTrue   = 0xf5
	cborNull   = 0xf6
	cborHalf   = 0xf9
	cborSingle = 0xfa
	cborDouble = 0xfb
)

var (
	errDepth = errors.New("nested deeper than " + strconv.Itoa(MaxDepth) + " levels")
	errUTF8  = errors.New("text is not UTF-8")
)

// Append appends v's encoding to b, in the shortest form. Maps are written in
// the order of their keys, so that equal values have equal encodings.
func Append(b []byte, v any) ([]byte, error) {
	switch v := v.(type) { // what most methods take and return, without reflection
	case nil:
		return append(b, cborNull), nil
	case bool:
		return appendBool(b, v), nil
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case uint32:
		return appendHead(b, majorUint, uint64(v)), nil
	case uint64:
		return appendHead(b, majorUint, v), nil
	case float64:
		return appendFloat(b, v), nil
	case string:
		return appendText(b, v)
	case []byte:
		return append(appendHead(b, majorBytes, uint64(len(v))), v...), nil
	}
	return AppendReflect(b, reflect.ValueOf(v), 0)
}

// AppendArrayHead appends the head of an array of n values.
func AppendArrayHead(b []byte, n int) []byte { return appendHead(b, majorArray, uint64(n)) }

// AppendReflect is Append for a reflect.Value that depth arrays and maps are around.
func AppendReflect(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return b, errDepth
	}
	if !v.IsValid() {
		return append(b, cborNull), nil
	}
	switch v.Type() {
	case timeType:
		return appendTime(b, v.Interface().(time.Time))
	case rawType:
		return appendRaw(b, v.Bytes())
	}
	switch v.Kind() {
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return appendHead(b, majorUint, v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float()), nil
	case reflect.String:
		return appendText(b, v.String())
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Struct:
		return appendStruct(b, v, depth)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(b, cborNull), nil
		}
		return AppendReflect(b, v.Elem(), depth)
	}
	return b, errors.New("a " + v.Type().String() + " cannot be sent")
}

func appendHead(b []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(b, m|byte(n))
	case n <= math.MaxUint8:
		return append(b, m|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, m|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, m|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, m|27), n)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, cborTrue)
	}
	return append(b, cborFalse)
}

func appendInt(b []byte, v int64) []byte {
	if v < 0 {
		return appendHead(b, majorNegative, uint64(^v)) // -1-v
	}
	return appendHead(b, majorUint, uint64(v))
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, errUTF8
	}
	return append(appendHead(b, majorText, uint64(len(s))), s...), nil
}

func appendFloat(b []byte, f float64) []byte {
	single := float32(f)
	if f != f {
		return append(b, cborHalf, 0x7e, 0x00)
	}
	if float64(single) != f {
		return binary.BigEndian.AppendUint64(append(b, cborDouble), math.Float64bits(f))
	}
	if h, ok := toHalf(single); ok {
		return binary.BigEndian.AppendUint16(append(b, cborHalf), h)
	}
	return binary.BigEndian.AppendUint32(append(b, cborSingle), math.Float32bits(single))
}

func appendRaw(b []byte, raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return append(b, cborNull), nil
	}
	return append(b, raw...), nil
}

func appendList(b []byte, v reflect.Value, depth int) (_ []byte, err error) {
	n := v.Len()
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b = appendHead(b, majorBytes, uint64(n))
		if v.Kind() == reflect.Slice || v.CanAddr() {
			return append(b, v.Bytes()...), nil
		}
		for i := range n {
			b = append(b, byte(v.Index(i).Uint()))
		}
		return b, nil
	}
	b = appendHead(b, majorArray, uint64(n))
	for i := range n {
		if b, err = AppendReflect(b, v.Index(i), depth+1); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendMap(b []byte, v reflect.Value, depth int) (_ []byte, err error) {
	type entry struct {
		key   []byte // encoded
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key, err := AppendReflect(nil, iter.Key(), depth+1)
		if err != nil {
			return b, err
		}
		if m := key[0] >> 5; m != majorText && m != majorUint && m != majorNegative {
			return b, errors.New("a map's keys must be text or integers, not " + iter.Key().Type().String())
		}
		entries = append(entries, entry{key, iter.Value()})
	}
	slices.SortFunc(entries, func(x, y entry) int { return slices.Compare(x.key, y.key) }) // RFC 8949, section 4.2.1
	b = appendHead(b, majorMap, uint64(len(entries)))
	for _, e := range entries {
		if b, err = AppendReflect(append(b, e.key...), e.value, depth+1); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendStruct(b []byte, v reflect.Value, depth int) (_ []byte, err error) {
	fields := fieldsOf(v.Type())
	n := 0
	for _, f := range fields {
		if !f.skip(v) {
			n++
		}
	}
	b = appendHead(b, majorMap, uint64(n))
	for _, f := range fields {
		if f.skip(v) {
			continue
		}
		b = append(b, f.key...)
		if b, err = AppendReflect(b, v.Field(f.index), depth+1); err != nil {
			return b, errors.New(f.name + ": " + err.Error())
		}
	}
	return b, nil
}
