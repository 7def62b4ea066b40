package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A document describes a microservice: what `aminorun deploy spec.yaml` reads, as
// YAML or as JSON, which is YAML too.
type document struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name string `yaml:"name"` // default: the module's
}

// A spec has the fields of api.Spec as a person writes them.
type spec struct {
	Module       string            `yaml:"module"` // a path, relative to the document
	Args         arguments         `yaml:"args"`
	DMs          *[]string         `yaml:"dms"` // default: the module's; [] is none; those in Wasm by their path
	Config       map[string]string `yaml:"config"`
	NodeSelector [][]requirement   `yaml:"nodeSelector"` // of the terms one, and of it every requirement
	Memory       string            `yaml:"memory"`       // 64MiB
	Fuel         uint64            `yaml:"fuel"`
	Timeout      string            `yaml:"timeout"` // 5s
	Rollback     string            `yaml:"rollback"`
}

type requirement struct {
	Key      string   `yaml:"key"`
	Operator string   `yaml:"operator"`
	Values   []string `yaml:"values"`
}

// readDocument reads a document strictly: a field it does not know is an error.
func readDocument(path string) (*document, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, abi.Errorf(abi.NotFound, "the document cannot be read: %v", err)
	}
	d, err := decodeDocument(asYAML(b))
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "%s: %v", path, err)
	}
	if !filepath.IsAbs(d.Spec.Module) {
		d.Spec.Module = filepath.Join(filepath.Dir(path), d.Spec.Module)
	}
	return d, nil
}

func decodeDocument(b []byte) (*document, error) {
	d := &document{}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	switch err := dec.Decode(d); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("there is no document in it")
	case err != nil:
		return nil, plainYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document in it; deploy them one by one")
	}
	if d.APIVersion != "amino.run/v1" || d.Kind != "Microservice" {
		return nil, fmt.Errorf("want apiVersion: amino.run/v1 and kind: Microservice, got %q and %q", d.APIVersion, d.Kind)
	}
	if d.Spec.Module == "" {
		return nil, errors.New("spec.module is missing; it names the .wasm file to deploy")
	}
	return d, nil
}

// deployment returns what the document says to deploy.
func (d *document) deployment() (_ *deployment, err error) {
	s := api.Spec{Name: d.Metadata.Name, Config: d.Spec.Config, Fuel: d.Spec.Fuel, Rollback: d.Spec.Rollback}
	if d.Spec.DMs != nil {
		s.DMs = append([]string{}, *d.Spec.DMs...) // [] is not the module's own
	}
	if d.Spec.Memory != "" {
		if s.Memory, err = parseBytes(d.Spec.Memory); err != nil {
			return nil, fmt.Errorf("spec.memory: %w", err)
		}
	}
	if d.Spec.Timeout != "" {
		if s.Timeout, err = parseTimeout(d.Spec.Timeout); err != nil {
			return nil, fmt.Errorf("spec.timeout: %w", err)
		}
	}
	for _, term := range d.Spec.NodeSelector {
		var t api.Term
		for _, r := range term {
			t = append(t, api.Requirement{Key: r.Key, Op: r.Operator, Values: r.Values})
		}
		s.Selector = append(s.Selector, t)
	}
	if err := s.Selector.Validate(); err != nil {
		return nil, fmt.Errorf("spec.nodeSelector: %w", err)
	}
	return &deployment{module: d.Spec.Module, args: d.Spec.Args, spec: s}, nil
}

func parseTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d <= 0 {
		return 0, abi.Errorf(abi.BadArgument, "%q is not a time; write it as 5s or 1m30s", text)
	}
	return d, nil
}
