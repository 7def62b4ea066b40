package abi

import (
	"encoding/hex"
	"testing"
)

func TestParseWord(t *testing.T) {
	for _, c := range []struct{ word, typ, want string }{
		{"5", "s64", "05"},
		{" 5", "s64", "05"},
		{"5", "f64", "f94500"},
		{"5", "string", "6135"},
		{"World", "string", "65576f726c64"},
		{`"World"`, "string", "65576f726c64"},
		{`"World`, "string", "6622576f726c64"},
		{"", "string", "60"},
		{"null", "string", "646e756c6c"},
		{"null", "option<string>", "f6"},
		{"x", "option<string>", "6178"},
		{"é", "char", "62c3a9"},
		{"true", "bool", "f5"},
		{"abc", "list<u8>", "43616263"},
		{"123", "list<u8>", "43313233"},
		{`{"$bytes": "AQ=="}`, "list<u8>", "4101"},
		{"[1, 2]", "list<u8>", "420102"},
		{"[1, 2", "list<u8>", "455b312c2032"},
		{"1970-01-01T00:00:00Z", "time", "c074313937302d30312d30315430303a30303a30305a"},
		{`["a", "b"]`, "list<string>", "8261616162"},
		{"5", "value", "05"},
		{"hello", "value", "6568656c6c6f"},
		{"nothing", "value", "676e6f7468696e67"},
		{`{"a": [1]}`, "", "a161618101"},
		{"hello", "", "6568656c6c6f"},
	} {
		got, err := ParseWord(c.word, c.typ)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s as %s: %x, %v, want %s", c.word, c.typ, got, err, c.want)
		}
	}
}

func TestParseWordRefuses(t *testing.T) {
	for _, c := range []struct {
		word, typ, want string
		code            Code
	}{
		{"abc", "s64", "abc is not JSON, want s64", BadArgument},
		{"", "s64", " is not JSON, want s64", BadArgument},
		{`"5"`, "s64", `"5" is text, want s64`, BadArgument},
		{"300", "u8", "300 is 300, want u8", BadArgument},
		{"ab", "char", "ab is text of 2 characters, want char", BadArgument},
		{"noon", "time", "noon is text, want time", BadArgument},
		{"5", "i64", "", Refused},
	} {
		got, err := ParseWord(c.word, c.typ)
		if CodeOf(err) != c.code || c.want != "" && err.Error() != c.want {
			t.Errorf("%s as %s: %x, %v, want %q", c.word, c.typ, got, err, c.want)
		}
	}
}

func TestParseWords(t *testing.T) {
	m := &MethodType{Name: "put", Params: []Param{{"key", "string"}, {"n", "s64"}, {"note", "option<string>"}}}
	for _, c := range []struct {
		words []string
		want  string // hex, or the error
	}{
		{[]string{"k", "5"}, "82616b05"},
		{[]string{"5", "5", "x"}, "836135056178"},
		{[]string{"k", "5", "null"}, "83616b05f6"},
		{[]string{"k"}, "put takes 2 to 3 arguments (key: string, n: s64, note: option<string>), got 1"},
		{[]string{"k", "5", "x", "oops"}, "put takes 2 to 3 arguments (key: string, n: s64, note: option<string>), got 4"},
		{[]string{"k", "five"}, "argument 2 (n) of put is five, want s64"},
		{[]string{"k", "5.5"}, "argument 2 (n) of put is 5.5, want s64"},
	} {
		b, err := m.ParseWords(c.words)
		got := hex.EncodeToString(b)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.words, got, c.want)
		}
	}
}
