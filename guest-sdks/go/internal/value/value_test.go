package value_test

import (
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"amino.run/guest/internal/value"
)

type point struct {
	X, Y    int
	hidden  int     //lint:ignore U1000 it is to be left out
	Skipped int     `json:"-"`
	Name    string  `json:"label,omitempty"`
	UserID  *uint16 `json:",omitempty"`
}

// TestTypes writes values of Go's types and reads them back.
func TestTypes(t *testing.T) {
	id := uint16(7)
	for _, c := range []struct {
		v   any
		hex string
	}{
		{int8(-128), "387f"},
		{uint8(255), "18ff"},
		{int64(math.MinInt64), "3b7fffffffffffffff"},
		{uint64(math.MaxUint64), "1bffffffffffffffff"},
		{float32(0.5), "f93800"},
		{1.1, "fb3ff199999999999a"},
		{"é", "62c3a9"},
		{[]byte{1, 2}, "420102"},
		{[3]byte{1, 2, 3}, "43010203"},
		{[]string{"a", "b"}, "8261616162"},
		{[]string{}, "80"},
		{[2]bool{true, false}, "82f5f4"},
		{map[string]int{"b": 2, "a": 1}, "a2616101616202"},
		{map[int8]string{-1: "a", 1: "b"}, "a2016162206161"},
		{point{X: 1, Y: -1}, "a2617801617920"},
		{point{Name: "p", UserID: &id}, "a4617800617900656c6162656c617067757365725f696407"},
		{&id, "07"},
		{(*uint16)(nil), "f6"},
		{[]*uint16{&id, nil}, "8207f6"},
		{time.Unix(0, 5e8).UTC(), "c076313937302d30312d30315430303a30303a30302e355a"},
		{value.Raw{0x82, 1, 2}, "820102"},
	} {
		b, err := value.Append(nil, c.v)
		if got := hex.EncodeToString(b); got != c.hex || err != nil {
			t.Errorf("%T %v is written as %s, %v, want %s", c.v, c.v, got, err, c.hex)
			continue
		}
		back := reflect.New(reflect.TypeOf(c.v))
		if err := value.Decode(b, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), c.v) {
			t.Errorf("%T %v is read as %v, %v", c.v, c.v, back.Elem(), err)
		}
	}
}

func TestRawDecode(t *testing.T) {
	n, p := 7, new(int)
	if err := (value.Raw{0x18, 0x2a}).Decode(&n); err != nil || n != 42 {
		t.Errorf("read as %d, %v", n, err)
	}
	if err := value.Raw(nil).Decode(&p); err != nil || p != nil {
		t.Errorf("nothing is read as %v, %v, want nil", p, err)
	}
	if err := value.Raw(nil).Decode(&n); err == nil {
		t.Error("null is read into an int")
	}
}

func TestNilIsEmpty(t *testing.T) {
	for want, v := range map[string]any{"80": []string(nil), "40": []byte(nil), "a0": map[string]int(nil), "f6": value.Raw(nil)} {
		if b, err := value.Append(nil, v); hex.EncodeToString(b) != want || err != nil {
			t.Errorf("a nil %T is written as %x, %v, want %s", v, b, err, want)
		}
	}
}

// TestCoercion reads values into types that they are not quite.
func TestCoercion(t *testing.T) {
	for _, c := range []struct {
		hex  string
		into any // pointer
		want any // value, or the error's text
	}{
		{"f94000", new(int8), int8(2)}, // 2.0
		{"fbc3e0000000000000", new(int64), int64(math.MinInt64)},
		{"fb43e0000000000000", new(int64), "want an integer, have the float 9.223372036854776e+18"},
		{"fb43e0000000000000", new(uint64), uint64(1 << 63)},
		{"fb43f0000000000000", new(uint64), "want a natural number"},
		{"f93e00", new(int), "want an integer, have the float 1.5"},
		{"f97e00", new(int), "want an integer, have the float NaN"},
		{"f9bc00", new(uint), "want a natural number, have the float -1"},
		{"20", new(uint), "integer does not fit u64"},
		{"190100", new(uint8), "integer does not fit u8"},
		{"1880", new(int8), "integer does not fit s8"},
		{"1b8000000000000000", new(int64), "integer does not fit s64"},
		{"01", new(float64), 1.0},
		{"20", new(float32), float32(-1)},
		{"1b0020000000000001", new(float64), "number does not fit f64"},
		{"1a01000001", new(float32), "number does not fit f32"},
		{"1bffffffffffffffff", new(float64), "number does not fit f64"},
		{"3b7fffffffffffffff", new(float64), -0x1p63},
		{"fb3fb999999999999a", new(float32), float32(0.1)},
		{"fb7e37e43c8800759c", new(float32), "number does not fit f32"},
		{"f97c00", new(float32), float32(math.Inf(1))},
		{"f6", new(string), "want text, have null"},
		{"f6", new([]string), "want an array, have null"},
		{"f7", new(*int), (*int)(nil)},
		{"c1f6", new(*int), (*int)(nil)},
		{"4161", new(string), "want text, have bytes"},
		{"6161", new([]byte), "want bytes, have text"},
		{"00", new(bool), "want a bool, have an integer"},
		{"f5", new(int), "want an integer, have a bool"},
		{"420102", new([3]byte), "want 3 elements, have 2"},
		{"820102", new([3]int), "want 3 elements, have 2"},
		{"820102", new([1]int), "want 1 elements, have 2"},
		{"82016161", new([]int), "element 1: want an integer, have text"},
		{"a1616101", new(map[int]int), "key: want an integer, have text"},
		{"a16161f5", new(map[string]int), "entry: want an integer, have a bool"},
		{"a161786131", new(point), "x: want an integer, have text"},
		{"a10101", new(point), "want a field's name, have an integer"},
		{"a2617801636e6577820203", new(point), point{X: 1}},
		{"bf617901ff", new(point), point{Y: 1}},
		{"9f0102ff", new([]int8), []int8{1, 2}},
		{"1a514b67b0", new(time.Time), time.Unix(1363896240, 0).UTC()},
		{"c1fb41d452d9ec200000", new(time.Time), time.Unix(1363896240, 5e8).UTC()},
		{"c11b0000003afff44180", new(time.Time), "a time outside the years 0 to 9999"},
		{"c11b3030303030303030", new(any), "a time outside the years 0 to 9999"},
		{"6131", new(time.Time), `not a time: "1"`},
		{"f97e00", new(time.Time), "want a time, have a float"},
		{"a1f501", new(any), "a map's keys must be text or integers"},
		{"a201616161626163", new(any), map[any]any{int64(1): "a", "b": "c"}},
		{"f0", new(any), "simple value 16 is not a value of this ABI"},
		{"0000", new(any), "broken CBOR: 1 bytes after the value"},
		{"", new(any), "broken CBOR: cut short"},
		{"61ff", new(string), "text is not UTF-8"},
	} {
		b, _ := hex.DecodeString(c.hex)
		err := value.Decode(b, c.into)
		got := reflect.ValueOf(c.into).Elem().Interface()
		if text, isError := c.want.(string); isError {
			if err == nil || !strings.HasPrefix(err.Error(), text) {
				t.Errorf("%s into %T: %v, %v, want the error %s", c.hex, got, got, err, text)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s into %T: %v, %v, want %v", c.hex, got, got, err, c.want)
		}
	}
}

type list struct {
	Value int
	Next  *list
}

func TestDepth(t *testing.T) {
	deep := func(n int) any {
		var v any
		for range n {
			v = []any{v}
		}
		return v
	}
	if _, err := value.Append(nil, deep(value.MaxDepth)); err != nil {
		t.Errorf("%d levels: %v", value.MaxDepth, err)
	}
	if _, err := value.Append(nil, deep(value.MaxDepth+1)); err == nil {
		t.Errorf("%d levels are written", value.MaxDepth+1)
	}
	ring := &list{}
	ring.Next = ring
	if _, err := value.Append(nil, ring); err == nil {
		t.Error("a ring is written")
	}
	var l list
	b := []byte(strings.Repeat("\xa1\x64next", 70) + "\xf6")
	if err := value.Decode(b, &l); err == nil {
		t.Error("70 levels are read into a list")
	}
}

func TestCannotBeSent(t *testing.T) {
	for _, v := range []any{make(chan int), func() {}, map[bool]int{true: 1}, []any{complex(1, 1)}, "\xff", time.Unix(1<<40, 0), map[string]any{"a": make(chan int)}} {
		if b, err := value.Append(nil, v); err == nil {
			t.Errorf("%T is written as %x", v, b)
		}
	}
}

func TestTypeNames(t *testing.T) {
	for want, v := range map[string]any{
		"bool": true, "s8": int8(0), "s16": int16(0), "s32": int32(0), "s64": 0, "u8": uint8(0), "u16": uint16(0), "u32": uint32(0), "u64": uint(0),
		"f32": float32(0), "f64": 0.0, "string": "", "list<u8>": []byte{}, "list<list<string>>": [][]string{}, "option<s64>": new(int),
		"time": time.Time{}, "value": value.Raw{}, "list<value>": []any{}, "map<string, u8>": map[string]uint8{}, "map<u16, bool>": map[uint16]bool{},
		"map<string, s64>": struct{ A, B int }{}, "map<string, value>": point{}, "option<map<string, value>>": &list{},
		"": make(chan int), " ": map[float64]int{}, "  ": []func(){}, "   ": struct{ F func() }{}, "    ": map[string]complex128{},
	} {
		if got := value.Type(reflect.TypeOf(v)); got != strings.TrimSpace(want) {
			t.Errorf("the type of %T is %q, want %q", v, got, want)
		}
	}
}

func TestDecodedDoesNotAliasTheFrame(t *testing.T) {
	frame := []byte("\x82\x41a\x61b")
	var v []any
	if err := value.Decode(frame, &v); err != nil {
		t.Fatal(err)
	}
	clear(frame)
	if !reflect.DeepEqual(v, []any{[]byte("a"), "b"}) {
		t.Errorf("what was read changed with the frame: %q", v)
	}
}
