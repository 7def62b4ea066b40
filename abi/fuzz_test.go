package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

func addVectors(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.Hex) <= 256 {
			f.Add(unhex(f, v.Hex))
		}
	}
}

// FuzzValue: what Decode and ToJSON read is well-formed, and what is read comes
// back the same, from CBOR and from JSON.
func FuzzValue(f *testing.F) {
	addVectors(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		formed := Wellformed(b)
		var v any
		decoded := Decode(b, &v)
		text, shown := ToJSON(b)
		for _, err := range []error{formed, decoded, shown} {
			if err != nil && !errors.Is(err, ErrBadArgument) {
				t.Errorf("code %s: %v", CodeOf(err), err)
			}
		}
		if formed != nil && (decoded == nil || shown == nil && len(b) > 0) {
			t.Errorf("read what is not well-formed: %v, %v", decoded, shown)
		}
		if decoded == nil && shown == nil { // all its integers are in range
			encodeAgain(t, v)
		}
		if shown == nil {
			throughJSON(t, text)
		}
	})
}

// encodeAgain checks that the deterministic form is a fixed point.
func encodeAgain(t *testing.T, v any) {
	b, err := Encode(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	var again any
	if err := Decode(b, &again); err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if c, err := Encode(again); err != nil || !bytes.Equal(b, c) {
		t.Errorf("%x became %x, %v", b, c, err)
	}
}

// throughJSON checks that the JSON of a value is JSON, and that nothing is lost
// from there on.
func throughJSON(t *testing.T, text []byte) {
	if !json.Valid(text) {
		t.Fatalf("not JSON: %s", text)
	}
	b, err := FromJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	text, err = ToJSON(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if c, err := FromJSON(text); err != nil || !bytes.Equal(b, c) {
		t.Errorf("%s: %x became %x, %v", text, b, c, err)
	}
}

func FuzzFromJSON(f *testing.F) {
	for _, s := range []string{
		`5`, `-0.0`, `18446744073709551616`, `1e400`, `"\ud800"`, `{"$bytes":"AQ=="}`, `{"$time":"1970-01-01T00:00:00.5Z"}`,
		`{"$float":"NaN"}`, `{"$$x":[{"$":null}]}`, `{"a":1,"a":2}`, `[[[[]]]]`, `nul`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := FromJSON(text)
		if err != nil {
			if !errors.Is(err, ErrBadArgument) {
				t.Errorf("code %s: %v", CodeOf(err), err)
			}
			return
		}
		if err := Wellformed(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if text, err = ToJSON(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		throughJSON(t, text)
	})
}

// FuzzCheckArgs: any bytes against any type; and what a type accepts of a word,
// CheckArgs accepts.
func FuzzCheckArgs(f *testing.F) {
	for _, typ := range []string{"s64", "f32", "char", "time", "list<u8>", "tuple<u8, string>", "map<s8, option<bool>>", "value"} {
		f.Add(typ, []byte{0x81, 0x05}, "5")
		f.Add(typ, []byte{0x9f, 0xa1, 0x01, 0xf6, 0xff}, `{"1": null}`)
		f.Add(typ, []byte{0x81, 0xc1, 0xf9, 0x3c, 0x00}, "1970-01-01T00:00:00Z")
	}
	f.Fuzz(func(t *testing.T, typ string, args []byte, word string) {
		m := method(typ)
		if _, err := ParseType(typ); err != nil {
			if err := m.CheckArgs(args); err == nil && len(args) > 0 {
				t.Errorf("arguments fit %q, which is no type", typ)
			}
			return
		}
		if err := m.CheckArgs(args); err != nil && !errors.Is(err, ErrBadArgument) {
			t.Errorf("code %s: %v", CodeOf(err), err)
		}
		one, err := ParseWord(word, typ)
		if err != nil {
			return
		}
		if err := m.CheckArgs(append([]byte{0x81}, one...)); err != nil && Wellformed(append([]byte{0x81}, one...)) == nil {
			t.Errorf("%q is a %s, but: %v", word, typ, err)
		}
	})
}
