package cli

import (
	"context"

	"amino.run/abi"
	"amino.run/host"
)

// inspect checks a module as a kernel does before it is deployed, and returns its
// manifest and notes. The engine's cache is the one that dev uses.
func inspect(ctx context.Context, wasm []byte) (_ *abi.Manifest, notes []string, err error) {
	p, err := host.Prepare(wasm)
	if err != nil {
		return nil, nil, err
	}
	var stop stops
	defer func() { _ = stop.run() }() // nothing is left in it
	engine, err := newEngine(ctx, cacheDir(), &stop)
	if err != nil {
		return nil, nil, err
	}
	m, err := engine.Compile(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	i, err := m.Instantiate(ctx, host.Config{Env: alone{}}, nil)
	if err != nil {
		return nil, nil, err
	}
	defer i.Close(ctx)
	if err := i.Boot(ctx); err != nil {
		return nil, nil, abi.Errorf(abi.Refused, "the module fails to start: %v", err)
	}
	if p.Manifest != nil {
		return p.Manifest, p.Notes, nil
	}
	text, err := i.Describe(ctx)
	if err != nil {
		return nil, nil, abi.Errorf(abi.Refused, "the module fails to describe itself: %v", err)
	}
	if text == nil {
		return nil, nil, abi.Errorf(abi.Refused, "the module has no manifest: neither a custom section %s nor an export %s", abi.ManifestSection, abi.ExportDescribe)
	}
	manifest, err := abi.ParseManifest(text)
	return manifest, p.Notes, err
}

// alone is what a module sees while it is only looked at: nothing.
type alone struct{}

func (alone) Invoke(context.Context, abi.Request) ([]byte, error) {
	return nil, abi.Errorf(abi.Unavailable, "no microservice can be called while a module is checked")
}
func (alone) Self() host.Identity          { return host.Identity{} }
func (alone) Config(string) (string, bool) { return "", false }
func (alone) Log(int, string)              {}
