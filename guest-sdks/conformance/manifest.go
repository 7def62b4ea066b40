package conformance

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
)

// golden is the manifest that the microservice has in every language, but for
// the language's name and the documentation. Methods are in order of their names.
//
//go:embed testdata/manifest.json
var golden string

func manifest(t *testing.T, m *module, o Options) {
	got := m.program.Manifest
	if got == nil {
		text, err := m.instantiate(t, newWorld(), host.Limits{}, m.booted).inst.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err = abi.ParseManifest(text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if got.Language != o.Language {
		t.Errorf("the language is %q, want %q", got.Language, o.Language)
	}
	if echo := got.Method("echo"); echo == nil || strings.TrimSpace(echo.Doc) == "" {
		t.Error("echo is not documented")
	}
	if text := normal(t, got); text != normal(t, goldenManifest(t)) {
		t.Errorf("the manifest is\n%s\nwant\n%s", text, normal(t, goldenManifest(t)))
	}
}

func goldenManifest(t *testing.T) *abi.Manifest {
	m, err := abi.ParseManifest([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// normal returns a manifest as text, one line a method, without what may differ.
func normal(t *testing.T, m *abi.Manifest) string {
	n := *m
	n.Language, n.Doc, n.Methods, n.Constructor = "", "", nil, nil
	head, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{string(head)}
	methods := slices.SortedFunc(slices.Values(m.Methods), func(a, b abi.MethodType) int { return strings.Compare(a.Name, b.Name) })
	if m.Constructor != nil {
		methods = append([]abi.MethodType{*m.Constructor}, methods...)
	}
	for _, f := range methods {
		f.Doc = ""
		line, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "\n")
}
