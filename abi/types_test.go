package abi

import (
	"strings"
	"testing"
)

func TestParseType(t *testing.T) {
	for in, want := range map[string]string{
		"s64":                              "s64",
		" value ":                          "value",
		"list<u8>":                         "list<u8>",
		"list< list <string> >":            "list<list<string>>",
		"tuple<f32,f64,char>":              "tuple<f32, f64, char>",
		"option<tuple<time>>":              "option<tuple<time>>",
		"map<string, map<u8, list<bool>>>": "map<string, map<u8, list<bool>>>",
		"map<char,value>":                  "map<char, value>",
		"option<value>":                    "option<value>",
		"list<option<s8>>":                 "list<option<s8>>",
		strings.Repeat("list<", 15) + "s8" + strings.Repeat(">", 15): strings.Repeat("list<", 15) + "s8" + strings.Repeat(">", 15),
	} {
		got, err := ParseType(in)
		if err != nil || got.String() != want {
			t.Errorf("%q: %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestParseTypeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "a type is missing",
		"int":                "no type int: use bool, f32, f64, ",
		"S64":                "no type S64",
		"list":               "list needs its types in < >",
		"list<>":             "a type is missing",
		"list<s8":            "> is missing",
		"list<s8>>":          "unexpected >",
		"s8 s8":              "unexpected s8",
		"list<s8,s8>":        "list takes one type",
		"option<s8, s8>":     "option takes one type",
		"option<option<s8>>": "cannot tell one null from the other",
		"map<s8>":            "map takes two types",
		"map<f64, s8>":       "keys of a map are string, char or integers",
		"map<list<u8>, s8>":  "keys of a map are",
		"tuple<s8,>":         "a type is missing",
		"tuple<,s8>":         "a type is missing",
		"s8<s8>":             "unexpected <s8>",
		"result<s8>":         "no type result",
		"list\n<s8>":         "no type list",
		strings.Repeat("list<", 16) + "s8" + strings.Repeat(">", 16): "nested too deeply",
		"tuple<" + strings.Repeat("s8, ", 300) + "s8>":               "at most 1024",
	} {
		got, err := ParseType(in)
		if CodeOf(err) != Refused || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"s64", "map<string, list<option<f64>>>", "tuple<s8, u8>", "list<", "<>,", "option<option<s8>>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		typ, err := ParseType(s)
		if err != nil {
			if CodeOf(err) != Refused {
				t.Errorf("code %s", CodeOf(err))
			}
			return
		}
		if again, err := ParseType(typ.String()); err != nil || again.String() != typ.String() {
			t.Errorf("%q reads as %s, and that as %v, %v", s, typ, again, err)
		}
	})
}
