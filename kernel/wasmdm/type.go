package wasmdm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
)

// A Source returns a module by its digest, compiled, with its manifest.
type Source func(ctx context.Context, digest string) (host.Module, *abi.Manifest, error)

// Loader returns a dms.Loader for the modules of source. What it has loaded once it
// does not ask for again.
func Loader(ctx context.Context, source Source) dms.Loader {
	var known sync.Map // digest -> *Type
	return func(digest string) (dms.Loaded, error) {
		if t, ok := known.Load(digest); ok {
			return t.(*Type).New(), nil
		}
		m, manifest, err := source(ctx, digest)
		if err != nil {
			return nil, err
		}
		t, err := NewType(ctx, digest, m, manifest)
		if err != nil {
			return nil, err
		}
		known.Store(digest, t)
		return t.New(), nil
	}
}

// Compile returns a Source that compiles modules with an engine, which is asked for
// at first use.
func Compile(engine func() (host.Engine, error), module func(ctx context.Context, digest string) ([]byte, error)) Source {
	return func(ctx context.Context, digest string) (host.Module, *abi.Manifest, error) {
		wasm, err := module(ctx, digest)
		if err != nil {
			return nil, nil, err
		}
		p, err := host.Prepare(wasm)
		if err != nil {
			return nil, nil, err
		}
		e, err := engine()
		if err != nil {
			return nil, nil, err
		}
		m, err := e.Compile(ctx, p)
		if err != nil || p.Manifest != nil {
			return m, p.Manifest, err
		}
		manifest, err := host.Describe(ctx, p, m)
		return m, manifest, err
	}
}

// A Type is a compiled deployment manager. It may be used by many goroutines at once.
type Type struct {
	name     string // "retry@3f9c..."
	module   host.Module
	manifest *abi.Manifest
	concerns dms.Concerns
}

// NewType returns the DM that a module is. One whose methods are not those of a DM
// is an error of code abi.Refused.
func NewType(ctx context.Context, digest string, m host.Module, manifest *abi.Manifest) (*Type, error) {
	t := &Type{name: manifest.Name + "@" + digest, module: m, manifest: manifest}
	if err := t.check(); err != nil {
		return nil, abi.Errorf(abi.Refused, "module %.12s (%s) is no deployment manager: %v", digest, manifest.Name, err)
	}
	if t.has(methodConcerns) {
		if err := t.askConcerns(ctx); err != nil {
			return nil, abi.Errorf(abi.Refused, "%s cannot say its concerns: %v", manifest.Name, err)
		}
	}
	return t, nil
}

// upcalls are the methods of a DM, and how many parameters each has.
var upcalls = map[string]int{
	methodConcerns: 0, "period": 0,
	"proxy": 1, "proxy_tick": 0, "proxy_changed": 0, "proxy_answer": 2,
	"instance": 1, "instance_tick": 0, "instance_changed": 0, "instance_answer": 2, "instance_recover": 0,
	"coordinator_created": 0, "coordinator_failed": 1, "coordinator_allows": 1,
	"coordinator_tick": 0, "coordinator_changed": 0, "coordinator_answer": 2,
}

const methodConcerns = "concerns"

func (t *Type) check() error {
	parts := false
	for _, m := range t.manifest.Methods {
		n, ok := upcalls[m.Name]
		switch {
		case !ok:
			return fmt.Errorf("it has a method %s; a deployment manager may have %s", m.Name, strings.Join(slices.Sorted(maps.Keys(upcalls)), ", "))
		case len(m.Params) != n:
			return fmt.Errorf("its method %s has %d parameters, not %d", m.Name, len(m.Params), n)
		}
		parts = parts || m.Name != methodConcerns && m.Name != "period"
	}
	if !parts {
		return fmt.Errorf("it has none of the methods proxy, instance and those that begin with coordinator_")
	}
	if t.manifest.Constructor != nil {
		for _, p := range t.manifest.Constructor.Params {
			if _, err := newSetting(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Type) has(method string) bool { return t.manifest.Method(method) != nil }

// doc returns what the constructor's comment says; its lines "name: text" describe
// the fields.
func (t *Type) doc(field string) string {
	if t.manifest.Constructor == nil {
		return ""
	}
	for line := range strings.Lines(t.manifest.Constructor.Doc) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), field+": "); ok {
			return text
		}
	}
	return ""
}

// traits are the names that concerns uses.
var traits = map[string]dms.Trait{
	"routes": dms.Routes, "at-callers": dms.AtCallers, "spreads": dms.Spreads, "freezes": dms.Freezes,
	"membership": dms.Membership, "recovery": dms.Recovery, "one-node": dms.OneNode, "orders": dms.Orders,
}

func (t *Type) askConcerns(ctx context.Context) error {
	p := &pool{dm: t.New()}
	defer p.end()
	out, err := p.upcall(ctx, &world{}, methodConcerns)
	if err != nil {
		return err
	}
	var said struct{ Verbs, Owns, Has, Minds, Before []string }
	if err := abi.Decode(out, &said); err != nil {
		return err
	}
	for _, v := range said.Verbs {
		t.concerns.Verbs = append(t.concerns.Verbs, dms.Verb(v))
	}
	c := &t.concerns
	c.Minds, c.Before = map[dms.Trait]string{}, map[dms.Trait]string{}
	for _, list := range []struct {
		names []string
		add   func(dms.Trait)
	}{
		{said.Owns, func(x dms.Trait) { c.Owns = append(c.Owns, x) }},
		{said.Has, func(x dms.Trait) { c.Has = append(c.Has, x) }},
		{said.Minds, func(x dms.Trait) { c.Minds[x] = t.manifest.Name + " does not go with one that may " + string(x) }},
		{said.Before, func(x dms.Trait) { c.Before[x] = t.manifest.Name + " comes before one that may " + string(x) }},
	} {
		for _, name := range list.names {
			trait, ok := traits[name]
			if !ok {
				return fmt.Errorf("there is no trait %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(traits)), ", "))
			}
			list.add(trait)
		}
	}
	return nil
}
