package abi

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func TestManifests(t *testing.T) {
	files, err := filepath.Glob("testdata/manifest/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests in testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := ParseManifest(text)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".json")+".wit", m.WIT())

			again, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := ParseManifest(again); err != nil || same.WIT() != m.WIT() {
				t.Errorf("written and read again: %v\n%s", err, again)
			}
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (rewrite it with -update):\n%s", file, got)
	}
}

// TestManifestOfABI reads the example of ABI.md.
func TestManifestOfABI(t *testing.T) {
	text, err := os.ReadFile("ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "## Manifest")
	example := after[strings.Index(after, "{"):]
	example = example[:strings.Index(example, "\n    }")+6]
	m, err := ParseManifest([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	add := m.Method("add")
	if m.Name != "counter" || add == nil || add.Result != "s64" || add.ReadOnly || !m.Method("get").ReadOnly || m.Method("put") != nil {
		t.Errorf("%+v", m)
	}
	if err := add.CheckArgs([]byte{0x81, 5}); err != nil {
		t.Error(err)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	methods := func(s string) string { return `{"abi": 1, "name": "a", "methods": [` + s + `]}` }
	params := func(s string) string { return methods(`{"name": "do", "params": [` + s + `]}`) }
	for in, want := range map[string]string{
		``:                                      "manifest: EOF",
		`null`:                                  "manifest: abi is 0: this kernel runs version 1",
		`[]`:                                    "line 1: a JSON array does not fit here",
		"{\n\n  \"abi\": 1,,}":                  "line 3: invalid character ','",
		"{\"abi\": 1,\n \"name\": 5}":           "line 2: name: a JSON number does not fit here",
		`{"abi": 2, "name": "a"}`:               "abi is 2: this kernel runs version 1",
		`{"abi": 1.5, "name": "a"}`:             "abi: a JSON number 1.5 does not fit",
		`{"name": "a", "methods": []}`:          "abi is 0",
		`{"abi": 1}`:                            `name "": want lower-case`,
		`{"abi": 1, "name": "A"}`:               `name "A": want lower-case`,
		`{"abi": 1, "name": "1a"}`:              `name "1a"`,
		`{"abi": 1, "name": "a_b"}`:             `name "a_b"`,
		`{"abi": 1, "name": "a\n"}`:             `name "a\n"`,
		`{"abi": 1, "name": "a", "version": 1}`: `unknown field "version"`,
		`{"abi": 1, "name": "a"} {}`:            "text after the end",
		`{"abi": 1, "name": "` + strings.Repeat("a", 64) + `"}`: "at most 63",
		`{"abi": 1, "name": "a", "dms": ["x", " "]}`:            "dms: entry 2 is empty",
		"{\"abi\": 1, \"name\": \"a\", \"doc\": \"\xff\"}":      "not UTF-8",
		methods(`{}`):                             `method 1: name "": want`,
		methods(`{"name": "Get"}`):                `method 1: name "Get"`,
		methods(`{"name": "get-all"}`):            `method 1: name "get-all"`,
		methods(`{"name": "_x"}`):                 `method 1: name "_x"`,
		methods(`{"name": "a"}, {"name": "a"}`):   "method a: declared twice",
		methods(`{"name": "a", "result": "int"}`): `method a: result: type "int": no type int`,
		methods(strings.TrimSuffix(strings.Repeat(`{"name": "a"},`, 1001), ",")):            "1001 methods",
		params(`{"name": "", "type": "s8"}`):                                                "method do: parameter 1: name \"\"",
		params(`{"name": "1", "type": "s8"}`):                                               "method do: parameter 1: name \"1\"",
		params(`{"name": "a"}`):                                                             "method do: parameter a: type \"\": a type is missing",
		params(`{"name": "a", "type": "s8"}, {"name": "a", "type": "s8"}`):                  "method do: parameter a: declared twice",
		params(`{"name": "a", "type": "list<s8"}`):                                          "method do: parameter a: type \"list<s8\": > is missing",
		params(strings.TrimSuffix(strings.Repeat(`{"name": "a", "type": "s8"},`, 65), ",")): "method do: 65 parameters",
		`{"abi": 1, "name": "a", "constructor": {"name": "new"}}`:                           "constructor: it has no name",
		`{"abi": 1, "name": "a", "constructor": {"result": "s8"}}`:                          "constructor: it has no name, no result",
		`{"abi": 1, "name": "a", "constructor": {"params": [{"name": "x"}]}}`:               "constructor: parameter x: type",
		`{"abi": 1, "name": "a", "dms": [` + strings.Repeat(`"x",`, 64) + `"x"]}`:           "65 dms",
		strings.Repeat(" ", maxManifest) + `{"abi": 1, "name": "a"}`:                        "bytes, at most 1048576",
	} {
		m, err := ParseManifest([]byte(in))
		if m != nil || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", in, err, want)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "a-1": true, "counter": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "1a": false, "A": false, "a.b": false, "a/b": false, "é": false, "a ": false, strings.Repeat("a", 64): false,
	} {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v", name, got)
		}
	}
}

// TestKebab: words of a WIT name begin with a letter.
func TestKebab(t *testing.T) {
	for in, want := range map[string]string{
		"add": "add", "put_all": "put-all", "keyValue": "key-value", "HTTPServer": "httpserver", "put_2": "put2", "put_2_x": "put2-x",
		"_x": "x", "a__b_": "a-b", "_": "x", "_1": "n1", "a-2": "a2", "x2Y": "x2-y", "a--": "a",
	} {
		if got := kebab(in); got != want {
			t.Errorf("kebab(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	files, _ := filepath.Glob("testdata/manifest/*.json")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if err != nil {
			if CodeOf(err) != Refused {
				t.Errorf("code %s", CodeOf(err))
			}
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := ParseManifest(again); err != nil || same.WIT() != m.WIT() {
			t.Errorf("%s: %v", again, err)
		}
	})
}

// TestWITWithoutDoc: the constructor is documentation even if it is all there is.
func TestWITWithoutDoc(t *testing.T) {
	m, err := ParseManifest([]byte(`{"abi": 1, "name": "list", "constructor": {}, "methods": []}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "package amino:%list;\n\n/// constructor()\ninterface %list {}\n"
	if got := m.WIT(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
