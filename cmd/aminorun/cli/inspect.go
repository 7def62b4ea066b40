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
	manifest, err := host.Describe(ctx, p, m)
	return manifest, p.Notes, err
}
