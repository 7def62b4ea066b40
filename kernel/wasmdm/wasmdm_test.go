package wasmdm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/standard"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/kernel/wasmdm"
)

// load returns the type of a module that is committed under examples/dms.
func load(t *testing.T, name string) *wasmdm.Type {
	t.Helper()
	ctx := context.Background()
	engine, err := wazero.New(ctx, wazero.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(ctx) })
	b, err := os.ReadFile(filepath.Join("../../examples/dms", name, name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.Prepare(b)
	if err != nil {
		t.Fatal(err)
	}
	m, err := engine.Compile(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	typ, err := wasmdm.NewType(ctx, p.Digest, m, p.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// parse returns the chain that specs describe, where ours is the loaded DM with
// these fields.
func parse(t *testing.T, typ *wasmdm.Type, fields string, after ...string) dms.Chain {
	t.Helper()
	l := dms.Loader(func(string) (dms.Loaded, error) { return typ.New(), nil })
	chain, err := l.ParseChain(append([]string{typ.New().Name() + fields}, after...))
	if err == nil {
		err = dms.Check(chain)
	}
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// TestSuite holds the DMs in Wasm to what native ones promise.
func TestSuite(t *testing.T) {
	retry, limit := load(t, "retry"), load(t, "ratelimit")
	for name, p := range map[string]dmtest.Promises{
		"retry":            {DMs: parse(t, retry, "(timeout_ms=4000)"), Twice: true},
		"retry of a lease": {DMs: parse(t, retry, "(timeout_ms=4000)", "LeaseCaching(ttl=2s)"), Twice: true},
		"ratelimit":        {DMs: parse(t, limit, "(rate=20)")},
	} {
		t.Run(name, func(t *testing.T) { dmtest.Suite(t, p) })
	}
}

var _ = time.Second
var _ = strings.Contains
var _ = abi.OK
