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
// the language's name, the documentation and the order of the methods.
//
//go:embed testdata/manifest.json
var golden string

func manifest(t *testing.T, m *module, o Options) {
	got := m.manifest(t)
	if got.Language != o.Language {
		t.Errorf("the language is %q, want %q", got.Language, o.Language)
	}
	if echo := got.Method("echo"); echo == nil || strings.TrimSpace(echo.Doc) == "" {
		t.Error("echo is not documented")
	}
	have, want := normal(t, got), normal(t, goldenManifest(t))
	for _, line := range have {
		if !slices.Contains(want, line) {
			t.Errorf("the manifest has, and should not: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(have, line) {
			t.Errorf("the manifest lacks: %s", line)
		}
	}
	if len(have) != len(want) {
		t.Errorf("the manifest has %d parts, want %d", len(have), len(want))
	}
}

// manifest returns what the module says of itself, in its section or when asked.
func (m *module) manifest(t *testing.T) *abi.Manifest {
	t.Helper()
	if m.program.Manifest != nil {
		return m.program.Manifest
	}
	text, err := m.instantiate(t, newWorld(), host.Limits{}, m.booted).inst.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := abi.ParseManifest(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return parsed
}

func goldenManifest(t *testing.T) *abi.Manifest {
	m, err := abi.ParseManifest([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// normal returns the parts of a manifest as text: its head, the constructor and
// each method, without what may differ.
func normal(t *testing.T, m *abi.Manifest) []string {
	n := *m
	n.Language, n.Doc, n.Methods, n.Constructor = "", "", nil, nil
	head, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{string(head)}
	methods := m.Methods
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
	return lines
}
