package abi

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestEncode(t *testing.T) {
	type point struct {
		X int     `json:"x"`
		Y float64 `cbor:"y"`
		z int
	}
	noon := time.Date(2026, 3, 29, 14, 0, 0, 0, time.FixedZone("", 2*3600))
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"nil":              {nil, "f6"},
		"nil slice":        {[]int(nil), "80"},
		"nil bytes":        {[]byte(nil), "40"},
		"nil map":          {map[string]int(nil), "a0"},
		"nil pointer":      {(*int)(nil), "f6"},
		"map is sorted":    {map[string]int{"b": 2, "aa": 3, "a": 1}, "a3616101616202626161" + "03"},
		"struct":           {point{1, 1.5, 9}, "a2617801617" + "9f93e00"},
		"float64 shortens": {100000.0, "fa47c35000"},
		"float32":          {float32(0.1), "fa3dcccccd"},
		"NaN":              {math.NaN(), "f97e00"},
		"time in UTC":      {noon, "c0" + "74" + hex.EncodeToString([]byte("2026-03-29T12:00:00Z"))},
		"raw":              {[]any{Raw{0x18, 0x00}, 1}, "82180001"},
	} {
		got, err := Encode(c.v)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"channel":    make(chan int),
		"func":       func() {},
		"big":        big.NewInt(1),
		"nested":     map[string]any{"f": func() {}},
		"broken raw": Raw{0x18},
	} {
		if b, err := Encode(v); CodeOf(err) != BadArgument {
			t.Errorf("%s: %x, %v, want a bad argument", name, b, err)
		}
	}
}

func TestArgs(t *testing.T) {
	for want, v := range map[string][]any{
		"80":         nil,
		"83016161f6": {1, "a", nil},
		"8180":       {[]any{}},
	} {
		if got, err := Args(v...); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("Args(%v) = %x, %v, want %s", v, got, err, want)
		}
	}
}

func TestDecodeAny(t *testing.T) {
	at := time.Date(2013, 3, 21, 20, 4, 0, 0, time.UTC)
	for in, want := range map[string]any{
		"05":                 uint64(5),
		"24":                 int64(-5),
		"1bffffffffffffffff": uint64(math.MaxUint64),
		"3b7fffffffffffffff": int64(math.MinInt64),
		"f93e00":             1.5,
		"f7":                 nil,
		"f6":                 nil,
		"4101":               []byte{1},
		"82010a":             []any{uint64(1), uint64(10)},
		"a2016161616205":     map[any]any{uint64(1): "a", "b": uint64(5)},
		"c11a514b67b0":       at,
		"d903e805":           uint64(5),
		"81d903e8d903e96161": []any{"a"},
	} {
		var got any
		err := Decode(unhex(t, in), &got)
		if when, ok := got.(time.Time); ok {
			got = when.UTC()
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v, want %#v", in, got, err, want)
		}
	}
}

func TestDecodeTyped(t *testing.T) {
	var n int64
	var f float64
	var u8 uint8
	var raw []Raw
	var opt *string
	at := time.Time{}
	for in, v := range map[string]any{
		"d903e805": &n, "0a": &f, "18ff": &u8, "8218006161": &raw, "f7": &opt, "c0" + "74" + "323031332d30332d32315432303a30343a30305a": &at,
	} {
		if err := Decode(unhex(t, in), v); err != nil {
			t.Errorf("%s into %T: %v", in, v, err)
		}
	}
	if n != 5 || f != 10 || u8 != 255 || opt != nil || at.Unix() != 1363896240 {
		t.Errorf("got %d, %v, %d, %v, %v", n, f, u8, opt, at)
	}
	if len(raw) != 2 || !bytes.Equal(raw[0], []byte{0x18, 0}) {
		t.Errorf("raw is %x", raw)
	}
}

func TestDecodeRefuses(t *testing.T) {
	var x any
	var u8 uint8
	for name, c := range map[string]struct {
		in   string
		into any
	}{
		"too large":       {"190100", &u8},
		"negative":        {"20", &u8},
		"text":            {"6135", &u8},
		"same key twice":  {"a201010102", &x},
		"not UTF-8":       {"61ff", &x},
		"bignum":          {"c249010000000000000000", &x},
		"simple value":    {"f0", &x},
		"simple value 32": {"f820", &x},
		"cut short":       {"8201", &x},
		"two values":      {"0101", &x},
	} {
		if err := Decode(unhex(t, c.in), c.into); CodeOf(err) != BadArgument {
			t.Errorf("%s: %v, want a bad argument", name, err)
		}
	}
}

// TestDepth holds Wellformed, Decode and Diag to exactly MaxDepth levels.
func TestDepth(t *testing.T) {
	for _, open := range []string{"\x81", "\x9f", "\xa1\x00"} {
		nested := func(n int) []byte {
			b := strings.Repeat(open, n) + "\x00"
			if open == "\x9f" {
				b += strings.Repeat("\xff", n)
			}
			return []byte(b)
		}
		var x any
		if err := Wellformed(nested(MaxDepth)); err != nil {
			t.Errorf("%x, %d levels: %v", open, MaxDepth, err)
		}
		if err := Decode(nested(MaxDepth), &x); err != nil {
			t.Errorf("%x, %d levels: %v", open, MaxDepth, err)
		}
		if err := Wellformed(nested(MaxDepth + 1)); err == nil {
			t.Errorf("%x: %d levels are well-formed", open, MaxDepth+1)
		}
		if err := Decode(nested(MaxDepth+1), &x); err == nil {
			t.Errorf("%x: %d levels are decoded", open, MaxDepth+1)
		}
	}
}

// TestLengthsBeforeMemory: a head that promises more than there is allocates nothing.
func TestLengthsBeforeMemory(t *testing.T) {
	for _, in := range []string{"9a7fffffff", "ba7fffffff", "5a7fffffff", "9b00000fffffffffff00", "8b" + "9a00ffffff"} {
		b := unhex(t, in)
		var x any
		if n := testing.AllocsPerRun(10, func() { _ = Decode(b, &x) }); n > 20 {
			t.Errorf("%s: %v allocations", in, n)
		}
		if err := Decode(b, &x); err == nil {
			t.Errorf("%s is decoded", in)
		}
	}
}

func TestWellformedDoesNotAllocate(t *testing.T) {
	b, err := Args("key", []byte("value"), map[string]any{"a": []any{1, 2.5, nil, time.Unix(0, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { err = Wellformed(b) }); n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

func TestDiag(t *testing.T) {
	for in, want := range map[string]string{
		"8301616141ff": `[1, "a", h'ff']`,
		"18":           "not CBOR: unexpected EOF",
		"61ff":         "not CBOR: cbor: invalid UTF-8 string",
	} {
		if got := Diag(unhex(t, in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestHalfFloats reads all 65,536 of them as the codec does.
func TestHalfFloats(t *testing.T) {
	for h := range 1 << 16 {
		var want float64
		if err := Decode([]byte{0xf9, byte(h >> 8), byte(h)}, &want); err != nil {
			t.Fatal(err)
		}
		got := halfFloat(uint16(h))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("half %04x is %v, want %v", h, got, want)
		}
	}
}

func BenchmarkWellformed(b *testing.B) {
	args, _ := Args("user:1234", []byte("some value of a usual length"), 42)
	b.ReportAllocs()
	for b.Loop() {
		if err := Wellformed(args); err != nil {
			b.Fatal(err)
		}
	}
}
