package abi

import (
	"strings"
	"testing"
)

// TestWITTypes: each type alone as a result, and what WIT says for it.
func TestWITTypes(t *testing.T) {
	for typ, want := range map[string]string{
		"s64":                             "s64",
		"value":                           "value",
		"time":                            "time",
		"list<u8>":                        "list<u8>",
		"option<list<time>>":              "option<list<time>>",
		"tuple<char, value>":              "tuple<char, value>",
		"map<string, s8>":                 "list<tuple<string, s8>>",
		"list<map<u8, map<char, value>>>": "list<list<tuple<u8, list<tuple<char, value>>>>>",
	} {
		m := &Manifest{Name: "a", Methods: []MethodType{{Name: "do", Result: typ}}}
		wit := m.WIT()
		if !strings.Contains(wit, "\n  do: func() -> "+want+";\n") {
			t.Errorf("%s:\n%s", typ, wit)
		}
		for _, alias := range []string{"value", "time"} {
			if got, want := strings.Contains(wit, "type "+alias+" = "), strings.Contains(typ, alias); got != want {
				t.Errorf("%s: alias %s declared: %v", typ, alias, got)
			}
		}
	}
}

// TestWITAliasMakesWay: types and functions share one set of names in WIT.
func TestWITAliasMakesWay(t *testing.T) {
	m := &Manifest{Name: "a", Methods: []MethodType{{Name: "time", Result: "time"}, {Name: "time_type", Result: "value"}}}
	want := `package amino:a;

interface a {
  /// Any value, as CBOR.
  type value = list<u8>;

  /// An instant in RFC 3339.
  type time-type-x = string;

  time: func() -> time-type-x;

  time-type: func() -> value;
}
`
	if got := m.WIT(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWITKeywords: a keyword is no name without %, as function, parameter or interface.
func TestWITKeywords(t *testing.T) {
	for _, k := range witKeywords {
		snake := strings.ReplaceAll(k, "-", "_")
		m := &Manifest{Name: k, Methods: []MethodType{{Name: snake, Params: []Param{{snake, "bool"}}}}}
		want := "package amino:%" + k + ";\n\ninterface %" + k + " {\n  %" + k + ": func(%" + k + ": bool);\n}\n"
		if got := m.WIT(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", k, got, want)
		}
	}
}

// TestWITDoc: documentation cannot break out of its comment.
func TestWITDoc(t *testing.T) {
	m := &Manifest{Name: "a", Doc: "One.\r\n}\n\u202etwo\x00\u2028", Methods: []MethodType{{Name: "do", Doc: "*/ \n\n do: func();"}}}
	want := "package amino:a;\n\n/// One.\n/// }\n/// two\ninterface a {\n  /// */\n  ///\n  ///  do: func();\n  do: func();\n}\n"
	if got := m.WIT(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
