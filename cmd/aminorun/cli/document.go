package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A document describes a microservice: what `aminorun deploy spec.yaml` reads.
type document struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec struct {
		Module       string              `yaml:"module"` // a path, relative to the document
		Args         []any               `yaml:"args"`
		DMs          *[]string           `yaml:"dms"`
		Config       map[string]string   `yaml:"config"`
		NodeSelector [][]nodeRequirement `yaml:"nodeSelector"`
		Memory       string              `yaml:"memory"`
		Fuel         uint64              `yaml:"fuel"`
		Timeout      string              `yaml:"timeout"`
		Rollback     string              `yaml:"rollback"`
	} `yaml:"spec"`

	selector api.Selector // from a flag
}

type nodeRequirement struct {
	Key      string   `yaml:"key"`
	Operator string   `yaml:"operator"`
	Values   []string `yaml:"values"`
}

// readDocument reads a document strictly: a field it does not know is an error.
func readDocument(path string) (*document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, abi.Errorf(abi.NotFound, "the document cannot be read: %v", err)
	}
	defer f.Close()
	d := &document{}
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil {
		return nil, abi.Errorf(abi.Refused, "%s: %v", path, err)
	}
	if err := dec.Decode(new(document)); !errors.Is(err, io.EOF) {
		return nil, abi.Errorf(abi.Refused, "%s holds more than one document; deploy them one by one", path)
	}
	if d.APIVersion != "amino.run/v1" || d.Kind != "Microservice" {
		return nil, abi.Errorf(abi.Refused, "%s: want apiVersion amino.run/v1 and kind Microservice, got %q and %q", path, d.APIVersion, d.Kind)
	}
	if d.Spec.Module == "" {
		return nil, abi.Errorf(abi.Refused, "%s: spec.module names the module to deploy", path)
	}
	if !filepath.IsAbs(d.Spec.Module) {
		d.Spec.Module = filepath.Join(filepath.Dir(path), d.Spec.Module)
	}
	return d, nil
}

// resolve returns the document as a spec for a module that is stored.
func (d *document) resolve(digest string, m *abi.Manifest) (s api.Spec, err error) {
	s = api.Spec{Name: d.Metadata.Name, Module: digest, Config: d.Spec.Config, Fuel: d.Spec.Fuel, Rollback: d.Spec.Rollback, Selector: d.selector}
	if s.Name == "" {
		s.Name = m.Name
	}
	if d.Spec.DMs != nil {
		s.DMs = append([]string{}, *d.Spec.DMs...)
	}
	if d.Spec.Memory != "" {
		if s.Memory, err = parseBytes(d.Spec.Memory); err != nil {
			return s, err
		}
	}
	if d.Spec.Timeout != "" {
		if s.Timeout, err = time.ParseDuration(d.Spec.Timeout); err != nil || s.Timeout <= 0 {
			return s, abi.Errorf(abi.BadArgument, "timeout %q: want a duration such as 5s", d.Spec.Timeout)
		}
	}
	for _, term := range d.Spec.NodeSelector {
		var t api.Term
		for _, r := range term {
			t = append(t, api.Requirement{Key: r.Key, Op: r.Operator, Values: r.Values})
		}
		s.Selector = append(s.Selector, t)
	}
	s.Args, err = d.arguments(m)
	return s, err
}

// arguments returns the constructor's arguments as CBOR.
func (d *document) arguments(m *abi.Manifest) ([]byte, error) {
	words := make([]json.RawMessage, len(d.Spec.Args))
	for i, v := range d.Spec.Args {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, abi.Errorf(abi.BadArgument, "argument %d of the constructor: %v", i+1, err)
		}
		words[i] = b
	}
	constructor := m.Constructor
	if constructor == nil {
		constructor = &abi.MethodType{}
	}
	return constructor.ConvertJSON(words)
}

var byteSize = regexp.MustCompile(`^([0-9]+)\s*(KiB|MiB|GiB|B)?$`)

// parseBytes reads "64MiB".
func parseBytes(text string) (uint64, error) {
	m := byteSize.FindStringSubmatch(text)
	if m == nil {
		return 0, abi.Errorf(abi.BadArgument, "%q is not a size; write it as 64MiB or 1GiB", text)
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	if err != nil {
		return 0, abi.Errorf(abi.BadArgument, "%q is too large a size", text)
	}
	return n << map[string]int{"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]], nil
}

// formatBytes writes what a person reads.
func formatBytes(n uint64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
