package abi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// anyType is the type of what nothing is known about.
var anyType = Type{Name: "value"}

// FromJSON returns a JSON text as CBOR, the inverse of ToJSON. A number without
// point or exponent becomes an integer, or beyond 64 bits a float if that loses
// nothing; every other number becomes a float. Maps are sorted, so that equal
// values give equal bytes. Errors have code BadArgument.
func FromJSON(text []byte) ([]byte, error) {
	v, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	return fromJSON(anyType, v)
}

// ConvertJSON returns positional arguments in JSON as the CBOR array that the
// method takes, checked as CheckArgs does. Where a type asks for it, a number
// becomes a float whatever it looks like, text becomes a time or the bytes of its
// UTF-8, an array of numbers becomes bytes, and the keys of an object become
// integers. A number in quotes stays text.
func (m *MethodType) ConvertJSON(args []json.RawMessage) ([]byte, error) {
	types, err := m.paramTypes()
	if err != nil {
		return nil, err
	}
	items := make([]any, len(args))
	for i, arg := range args {
		t := anyType
		if i < len(types) {
			t = types[i]
		}
		v, err := parseJSON(arg)
		if err == nil {
			items[i], err = shape(t, v)
		}
		if err != nil {
			return nil, Errorf(BadArgument, "argument %d of %s: %v", i+1, m.called(), err)
		}
	}
	b, err := Args(items...)
	if err != nil {
		return nil, err
	}
	if err := m.CheckArgs(b); err != nil {
		return nil, err
	}
	return b, nil
}

// parseJSON reads one JSON text, its numbers as json.Number.
func parseJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, Errorf(BadArgument, "not JSON: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, Errorf(BadArgument, "not JSON: more than one value")
	}
	return v, nil
}

// fromJSON encodes what parseJSON returned.
func fromJSON(t Type, v any) ([]byte, error) {
	v, err := shape(t, v)
	if err != nil {
		return nil, err
	}
	b, err := Encode(v)
	if err != nil {
		return nil, err
	}
	if err := Wellformed(b); err != nil { // nested too deeply
		return nil, err
	}
	return b, nil
}

// shape turns what parseJSON returned into what Encode takes, bent towards t.
// What cannot be bent stays what it is, for a check to complain of.
func shape(t Type, v any) (any, error) {
	if t.Name == "option" {
		t = t.Args[0]
	}
	switch v := v.(type) {
	case json.Number:
		return shapeNumber(t, v.String())
	case string:
		switch {
		case t.bytes():
			return []byte(v), nil
		case t.Name == "time":
			if when, ok := parseTime(v); ok {
				return timeTag(when), nil
			}
		}
	case []any:
		return shapeArray(t, v)
	case map[string]any:
		return shapeObject(t, v)
	}
	return v, nil
}

func shapeNumber(t Type, s string) (any, error) {
	if t.Name != "f32" && t.Name != "f64" && !strings.ContainsAny(s, ".eE") {
		return parseInteger(s)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, Errorf(BadArgument, "number %.40s is too large", s)
	}
	return f, nil
}

func parseInteger(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	const longest = 310 // digits of a float
	if n, ok := new(big.Int).SetString(s[:min(len(s), longest)], 10); ok && len(s) < longest {
		if f, acc := new(big.Float).SetInt(n).Float64(); acc == big.Exact {
			return f, nil
		}
	}
	return nil, Errorf(BadArgument, "number %.40s is too large: integers go from -2^63 to 2^64-1", s)
}

func shapeArray(t Type, v []any) (_ any, err error) {
	if t.bytes() {
		if b, ok := smallNumbers(v); ok {
			return b, nil
		}
	}
	items := make([]any, len(v))
	for i, e := range v {
		elem := anyType
		switch {
		case t.Name == "list":
			elem = t.Args[0]
		case t.Name == "tuple" && i < len(t.Args):
			elem = t.Args[i]
		}
		if items[i], err = shape(elem, e); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func smallNumbers(v []any) ([]byte, bool) {
	b := make([]byte, len(v))
	for i, e := range v {
		s, _ := e.(json.Number)
		n, err := strconv.ParseUint(s.String(), 10, 8)
		if err != nil {
			return nil, false
		}
		b[i] = byte(n)
	}
	return b, true
}

func shapeObject(t Type, v map[string]any) (any, error) {
	key, elem := anyType, anyType
	if t.Name == "map" {
		key, elem = t.Args[0], t.Args[1]
	}
	m := make(map[any]any, len(v))
	for k, e := range v {
		if len(v) == 1 && strings.HasPrefix(k, "$") {
			special, err := shapeSpecial(k, e)
			if special != nil || err != nil {
				return special, err
			}
			if strings.HasPrefix(k, "$$") {
				k = k[1:]
			}
		}
		e, err := shape(elem, e)
		if err != nil {
			return nil, err
		}
		m[shapeKey(key, k)] = e
	}
	return m, nil
}

// shapeSpecial returns what the only key of an object and its value stand for;
// nil if nothing.
func shapeSpecial(key string, v any) (any, error) {
	s, _ := v.(string)
	switch key {
	case bytesKey:
		if b, err := base64.StdEncoding.DecodeString(s); err == nil && v == s {
			return b, nil
		}
		return nil, Errorf(BadArgument, `%s takes base64, as in {"$bytes": "AQID"}`, key)
	case timeKey:
		if t, ok := parseTime(s); ok {
			return timeTag(t), nil
		}
		return nil, Errorf(BadArgument, `%s takes RFC 3339, as in {"$time": "2026-03-29T12:00:00Z"}`, key)
	case floatKey:
		switch s {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
		return nil, Errorf(BadArgument, "%s takes NaN, Infinity or -Infinity", key)
	}
	return nil, nil
}

// shapeKey makes a key an integer if the map's are and it is written like one.
func shapeKey(t Type, k string) any {
	if t.integer() {
		if n, err := strconv.ParseInt(k, 10, 64); err == nil && strconv.FormatInt(n, 10) == k {
			return n
		}
		if n, err := strconv.ParseUint(k, 10, 64); err == nil && strconv.FormatUint(n, 10) == k {
			return n
		}
	}
	return k
}

// timeTag keeps a time as a tagged text: the codec takes the zero time for null.
func timeTag(t time.Time) cbor.Tag {
	return cbor.Tag{Number: tagTimeText, Content: t.Format(time.RFC3339Nano)}
}
