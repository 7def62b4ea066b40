package amino

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

type Library struct{ Books []string }

type page struct {
	Title string `json:"name"`
	Pages uint16
}

func NewLibrary(city string, floor *uint8) *Library { return nil }

func (l *Library) Lend(bookTitle string, days uint32) (page, error) { return page{}, nil }
func (l *Library) Find(map[string][]float32) []page                 { return nil }
func (l *Library) Close()                                           {}

const librarySource = `package main

// Library lends books.
//
// It is closed on Sundays.
type Library struct{ Books []string }

// Libraries is another type.
type Libraries struct{}

// NewLibrary opens a library
// in a city.
func NewLibrary(city string, floor *uint8) *Library { return nil }

// New is not the constructor here.
func New(town string, storey *uint8) *Library { return nil }

// Lend lends a "book".
//
//go:noinline
func (l *Library) Lend(
	bookTitle string,
	days uint32,
) (page, error) {
	return page{}, nil
}

func (l *Library) Find(map[string][]float32) []page { return nil }

// Close of another type.
func (l Libraries) Close() {}
`

func TestManifest(t *testing.T) {
	s := mustService(t, NewLibrary, ReadOnly("Find"), Source("package main\n", librarySource), Deploy("Immutable", "LoadBalancedFrontEnd(replicas=3)"))
	const want = `{
		"abi": 1, "name": "library", "doc": "Lends books.\nIt is closed on Sundays.", "language": "go",
		"constructor": {"doc": "Opens a library in a city.", "params": [
			{"name": "city", "type": "string"}, {"name": "floor", "type": "option<u8>"}]},
		"methods": [
			{"name": "close"},
			{"name": "find", "params": [{"name": "arg0", "type": "map<string, list<f32>>"}], "result": "list<map<string, value>>", "readonly": true},
			{"name": "lend", "doc": "Lends a \"book\".", "params": [
				{"name": "book_title", "type": "string"}, {"name": "days", "type": "u32"}], "result": "map<string, value>"}
		],
		"dms": ["Immutable", "LoadBalancedFrontEnd(replicas=3)"]}`
	var got, wanted any
	if err := json.Unmarshal(s.manifest(), &got); err != nil {
		t.Fatalf("%v in %s", err, s.manifest())
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("the manifest is\n%s\nwant\n%s", s.manifest(), want)
	}
}

func TestDocText(t *testing.T) {
	for comment, want := range map[string]string{
		"":                          "",
		"// Add adds by.":           "Adds by.",
		"// Add adds.":              "Adds.",
		"// Adds by.":               "Adds by.",
		"// Add":                    "Add",
		"// Add is short.":          "Add is short.",
		"// Add has two uses.":      "Add has two uses.",
		"// Add or subtract.":       "Add or subtract.",
		"// Adder adds.":            "Adder adds.",
		"// AddAll does it all.":    "AddAll does it all.",
		"// Add adds.\n//\n// All.": "Adds.\nAll.",
		"// Add adds\n// by.\n//\n// Slowly.\n//go:noinline": "Adds by.\nSlowly.",
	} {
		if got := docText(strings.Split(comment, "\n"), "Add"); got != want {
			t.Errorf("docText(%q) = %q, want %q", comment, got, want)
		}
	}
}

type empty struct{}

func TestManifestOfNothing(t *testing.T) {
	s := mustService(t, func() *empty { return nil })
	if got, want := string(s.manifest()), `{"abi":1,"name":"empty","language":"go","constructor":{},"methods":[]}`; got != want {
		t.Errorf("the manifest is %s, want %s", got, want)
	}
}

func TestAppendString(t *testing.T) {
	for _, text := range []string{"", "plain", "\"quoted\" \\ and\ttab\nline\r\x00\x1f", "é 🙂 \u2028", "bad \xff"} {
		var got string
		if err := json.Unmarshal(appendString(nil, text), &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if want := string([]rune(text)); got != want {
			t.Errorf("%q became %q", want, got)
		}
	}
}

func TestParamNames(t *testing.T) {
	for params, want := range map[string][]string{
		"":                               nil,
		"by int64":                       {"by"},
		"a, b int64":                     {"a", "b"},
		"int64, string":                  nil,
		"int64":                          nil,
		"m map[string]int, f [2]float64": {"m", "f"},
		"basket map[string]struct{ n, m int }, userID string": {"basket", "user_id"},
		"\n\ta int,\n\tb ...string,\n":                        {"a", "b"},
		"map[string]int, []byte":                              nil,
		"_ int, b int":                                        {"_", "b"},
	} {
		if got := paramNames(params); !reflect.DeepEqual(got, want) {
			t.Errorf("paramNames(%q) = %q, want %q", params, got, want)
		}
	}
}
