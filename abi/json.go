package abi

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// The keys of the JSON objects that stand for values JSON does not have.
const (
	bytesKey = "$bytes" // base64
	timeKey  = "$time"  // RFC 3339
	floatKey = "$float" // NaN, Infinity, -Infinity
)

// ToJSON returns the CBOR value b as JSON, for people and for HTTP. Integers keep
// all their digits, floats have a point or an exponent; bytes, times and floats
// that are no numbers become {"$bytes": "base64"}, {"$time": "RFC 3339"} and
// {"$float": "NaN"}; integer keys become text; maps keep their order. A map whose
// only key begins with $ gets a second $. FromJSON reads all of it back, but for
// keys that were integers. What is no value of the ABI is an error of code
// BadArgument.
func ToJSON(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return []byte("null"), nil
	}
	if err := Wellformed(b); err != nil {
		return nil, err
	}
	r := reader{b}
	return r.json(make([]byte, 0, 2*len(b)))
}

// json appends the next item as JSON.
func (r *reader) json(to []byte) ([]byte, error) {
	it := r.untagged()
	switch it.major {
	case majorUint:
		return strconv.AppendUint(to, it.arg, 10), nil
	case majorNegative:
		if it.arg > math.MaxInt64 {
			return nil, Errorf(BadArgument, "integer %s is below -2^63", it.negative())
		}
		return append(to, it.negative()...), nil
	case majorBytes:
		to = append(to, `{"$bytes":"`...)
		return append(base64.StdEncoding.AppendEncode(to, r.content(it)), `"}`...), nil
	case majorText:
		return appendText(to, r.content(it))
	case majorArray:
		return r.jsonArray(to, it)
	case majorMap:
		return r.jsonObject(to, it)
	case majorTag:
		if it.arg >= tagBignum {
			return nil, Errorf(BadArgument, "a bignum is no value: integers go from -2^63 to 2^64-1")
		}
		t, ok := r.time(it)
		if !ok {
			return nil, Errorf(BadArgument, "a time is text in RFC 3339 or seconds, in the years 0 to 9999")
		}
		to = append(to, `{"$time":"`...)
		return append(t.AppendFormat(to, time.RFC3339Nano), `"}`...), nil
	}
	return appendSimple(to, it)
}

func (r *reader) jsonArray(to []byte, it item) (_ []byte, err error) {
	to = append(to, '[')
	for i := uint64(0); !r.done(it, i); i++ {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = r.json(to); err != nil {
			return nil, err
		}
	}
	return append(to, ']'), nil
}

func (r *reader) jsonObject(to []byte, it item) (_ []byte, err error) {
	seen := map[string]bool{}
	start := len(to) + 2 // of the first key, inside its quotes
	to = append(to, '{')
	for i := uint64(0); !r.done(it, i); i++ {
		if i > 0 {
			to = append(to, ',')
		}
		mark := len(to)
		if to, err = r.jsonKey(to); err != nil {
			return nil, err
		}
		key := string(to[mark:])
		if seen[key] {
			return nil, Errorf(BadArgument, "key %s is in a map twice", key)
		}
		seen[key] = true
		if to, err = r.json(append(to, ':')); err != nil {
			return nil, err
		}
	}
	if len(seen) == 1 && to[start] == '$' {
		to = append(to, 0)
		copy(to[start+1:], to[start:])
	}
	return append(to, '}'), nil
}

func (r *reader) jsonKey(to []byte) ([]byte, error) {
	switch it := r.untagged(); {
	case it.major == majorText:
		return appendText(to, r.content(it))
	case it.major == majorUint:
		return append(strconv.AppendUint(append(to, '"'), it.arg, 10), '"'), nil
	case it.major == majorNegative && it.arg <= math.MaxInt64:
		return append(append(append(to, '"'), it.negative()...), '"'), nil
	}
	return nil, Errorf(BadArgument, "a key of a map is neither text nor an integer of 64 bits")
}

func appendSimple(to []byte, it item) ([]byte, error) {
	switch {
	case it.float():
		return appendFloat(to, it.value()), nil
	case it.null():
		return append(to, "null"...), nil
	case it.arg == simpleTrue:
		return append(to, "true"...), nil
	case it.arg == simpleFalse:
		return append(to, "false"...), nil
	}
	return nil, Errorf(BadArgument, "simple value %d is no value", it.arg)
}

// appendFloat appends f as encoding/json does, but never as an integer.
func appendFloat(to []byte, f float64) []byte {
	a := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(to, `{"$float":"NaN"}`...)
	case math.IsInf(f, 1):
		return append(to, `{"$float":"Infinity"}`...)
	case math.IsInf(f, -1):
		return append(to, `{"$float":"-Infinity"}`...)
	case a != 0 && (a < 1e-6 || a >= 1e21):
		to = strconv.AppendFloat(to, f, 'e', -1, 64)
		if n := len(to); to[n-2] == '0' && to[n-3] == '-' { // e-09 is written e-9
			to[n-2] = to[n-1]
			to = to[:n-1]
		}
		return to
	}
	to = strconv.AppendFloat(to, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		to = append(to, ".0"...)
	}
	return to
}

// appendText appends s as a JSON string, all but what must be escaped as it is.
func appendText(to, s []byte) ([]byte, error) {
	if !utf8.Valid(s) {
		return nil, Errorf(BadArgument, "text that is not UTF-8")
	}
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c == '\n':
			to = append(to, `\n`...)
		case c == '\t':
			to = append(to, `\t`...)
		case c == '\r':
			to = append(to, `\r`...)
		case c < ' ' || c == 0x7f:
			to = append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			to = append(to, c)
		}
	}
	return append(to, '"'), nil
}
