package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Names of a module's parts that this ABI fixes.
const (
	ManifestSection = "amino.manifest"
	ExportVersion   = "amino_abi_v1"
	ExportMemory    = "memory"
	ExportAlloc     = "amino_alloc"
	ExportInvoke    = "amino_invoke"
	ExportInit      = "_initialize"
	ExportDescribe  = "amino_describe"
	ExportResume    = "amino_resume"
	ImportModule    = "amino"
)

// A Manifest describes a module: what it is called and what may be called on it.
type Manifest struct {
	ABI         int          `json:"abi"`
	Name        string       `json:"name"`
	Doc         string       `json:"doc,omitempty"`
	Language    string       `json:"language,omitempty"`
	Constructor *MethodType  `json:"constructor,omitempty"`
	Methods     []MethodType `json:"methods"`
	DMs         []string     `json:"dms,omitempty"` // the default chain
}

// A MethodType is the type of a method or, with no name, of the constructor.
type MethodType struct {
	Name     string  `json:"name,omitempty"`
	Doc      string  `json:"doc,omitempty"`
	Params   []Param `json:"params,omitempty"`
	Result   string  `json:"result,omitempty"` // "" is null
	ReadOnly bool    `json:"readonly,omitempty"`

	types []Type // of Params, kept by ParseManifest
}

// A Param is a parameter: its name and its type in WIT's vocabulary.
type Param struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Method returns the method of a name, or nil.
func (m *Manifest) Method(name string) *MethodType {
	for i := range m.Methods {
		if m.Methods[i].Name == name {
			return &m.Methods[i]
		}
	}
	return nil
}

// Version is the version of the ABI that a manifest names.
const Version = 1

// Limits of a manifest.
const (
	maxManifest = 1 << 20 // bytes
	maxMethods  = 1000
	maxParams   = 64
	maxDMs      = 64
)

var (
	serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	methodName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	paramName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// ValidName reports whether a microservice may be called name: lower-case letters,
// digits and -, at most 63, a letter first.
func ValidName(name string) bool { return serviceName.MatchString(name) }

// ParseManifest reads a manifest and refuses, with an error of code Refused that
// says what is wrong and where, one that breaks ABI.md: unknown fields, another
// version, names and types that are none, a method or parameter named twice. The
// chain of dms is not looked into.
func ParseManifest(text []byte) (*Manifest, error) {
	if len(text) > maxManifest {
		return nil, Errorf(Refused, "manifest: %d bytes, at most %d are allowed", len(text), maxManifest)
	}
	if !utf8.Valid(text) {
		return nil, Errorf(Refused, "manifest: not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var m Manifest
	if err := d.Decode(&m); err != nil {
		return nil, Errorf(Refused, "manifest: %s", jsonProblem(err, text))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, Errorf(Refused, "manifest: text after the end of the object")
	}
	if err := m.check(); err != nil {
		return nil, Errorf(Refused, "manifest: %v", err)
	}
	return &m, nil
}

// jsonProblem says what is wrong with a JSON text, with its line if that is known.
func jsonProblem(err error, text []byte) string {
	problem := strings.TrimPrefix(err.Error(), "json: ")
	at := int64(-1)
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &typ):
		at, problem = typ.Offset, strings.TrimPrefix(fmt.Sprintf("%s: a JSON %s does not fit here", typ.Field, typ.Value), ": ")
	}
	if at < 0 {
		return problem
	}
	return fmt.Sprintf("line %d: %s", 1+bytes.Count(text[:min(int(at), len(text))], []byte("\n")), problem)
}

// check says what is wrong with m, and keeps the types it parses.
func (m *Manifest) check() error {
	switch {
	case m.ABI != Version:
		return fmt.Errorf("abi is %d: this kernel runs version %d", m.ABI, Version)
	case !ValidName(m.Name):
		return fmt.Errorf("name %q: want lower-case letters, digits and -, at most 63, a letter first", m.Name)
	case len(m.Methods) > maxMethods:
		return fmt.Errorf("%d methods, at most %d are allowed", len(m.Methods), maxMethods)
	case len(m.DMs) > maxDMs:
		return fmt.Errorf("%d dms, at most %d are allowed", len(m.DMs), maxDMs)
	}
	if c := m.Constructor; c != nil {
		if c.Name != "" || c.Result != "" || c.ReadOnly {
			return errors.New("constructor: it has no name, no result and is not readonly")
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("constructor: %w", err)
		}
	}
	seen := make(map[string]bool, len(m.Methods))
	for i := range m.Methods {
		t := &m.Methods[i]
		if !methodName.MatchString(t.Name) {
			return fmt.Errorf("method %d: name %q: want lower-case letters, digits and _, at most 64, a letter first", i+1, t.Name)
		}
		if seen[t.Name] {
			return fmt.Errorf("method %s: declared twice", t.Name)
		}
		seen[t.Name] = true
		if err := t.check(); err != nil {
			return fmt.Errorf("method %s: %w", t.Name, err)
		}
	}
	for i, dm := range m.DMs {
		if strings.TrimSpace(dm) == "" {
			return fmt.Errorf("dms: entry %d is empty", i+1)
		}
	}
	return nil
}

// check says what is wrong with a method's parameters and result.
func (m *MethodType) check() error {
	if len(m.Params) > maxParams {
		return fmt.Errorf("%d parameters, at most %d are allowed", len(m.Params), maxParams)
	}
	seen := make(map[string]bool, len(m.Params))
	m.types = make([]Type, len(m.Params))
	for i, p := range m.Params {
		if !paramName.MatchString(p.Name) {
			return fmt.Errorf("parameter %d: name %q: want letters, digits and _, at most 64, no digit first", i+1, p.Name)
		}
		if seen[p.Name] {
			return fmt.Errorf("parameter %s: declared twice", p.Name)
		}
		seen[p.Name] = true
		t, err := ParseType(p.Type)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		m.types[i] = *t
	}
	if m.Result != "" {
		if _, err := ParseType(m.Result); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	return nil
}
