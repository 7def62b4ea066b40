package host

import (
	"context"

	"amino.run/abi"
)

// Describe boots a module once, alone, and returns its manifest: that of its
// custom section, else what it answers to amino_describe. A module that fails to
// start or has no manifest is an error of code abi.Refused.
func Describe(ctx context.Context, p *Program, m Module) (*abi.Manifest, error) {
	inst, err := m.Instantiate(ctx, Config{Env: Alone{}}, nil)
	if err != nil {
		return nil, err
	}
	defer inst.Close(ctx)
	if err := inst.Boot(ctx); err != nil {
		return nil, abi.Errorf(abi.Refused, "the module fails to start: %v", err)
	}
	if p.Manifest != nil {
		return p.Manifest, nil
	}
	text, err := inst.Describe(ctx)
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "the module fails to describe itself: %v", err)
	}
	if text == nil {
		return nil, abi.Errorf(abi.Refused, "the module has no manifest: neither a custom section %s nor an export %s", abi.ManifestSection, abi.ExportDescribe)
	}
	return abi.ParseManifest(text)
}

// Alone is the Env of a guest that is not part of a cluster: it is no one, knows
// no one and is not heard.
type Alone struct{ Natural }

var _ Env = Alone{}

// Invoke implements Env.
func (Alone) Invoke(context.Context, abi.Request) ([]byte, error) {
	return nil, abi.Errorf(abi.Unavailable, "no microservice can be called from here (the call did not run)")
}

// Self implements Env.
func (Alone) Self() Identity { return Identity{} }

// Config implements Env.
func (Alone) Config(string) (string, bool) { return "", false }

// Log implements Env.
func (Alone) Log(int, string) {}
