package conformance

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/internal/script"
)

// engine compiles for all tests of this process, with a cache on disk: a Go
// guest takes seconds to compile.
var engine = sync.OnceValues(func() (*wazero.Engine, error) { return newEngine() })

func newEngine() (*wazero.Engine, error) {
	dir, err := os.UserCacheDir()
	if err != nil { // no HOME
		dir = os.TempDir()
	}
	return wazero.New(context.Background(), wazero.Options{CacheDir: filepath.Join(dir, "amino.run", "compiled")})
}

// A module is a compiled guest, and the image of an instance that has just
// begun.
type module struct {
	program *host.Program
	code    host.Module
	booted  *host.Image
}

// load prepares, compiles and boots the module, or the script, at path.
func load(t *testing.T, path string) *module {
	t.Helper()
	wasm, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	if script.Language(path) != "" {
		if wasm, err = script.Module(t.Context(), e, script.Script{File: path, Source: wasm}); err != nil {
			t.Fatal(err)
		}
	}
	program, err := host.Prepare(wasm)
	if err != nil {
		t.Fatal(err)
	}
	m := &module{program: program}
	if m.code, err = e.Compile(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.code.Close(context.Background()) })
	g := m.instantiate(t, newWorld(), host.Limits{}, nil)
	if err := g.inst.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.booted = g.snapshot()
	return m
}

// A guest is an instance under test. Its helpers end the test on what must not
// happen.
type guest struct {
	t     *testing.T
	inst  host.Instance
	world *world
}

// start returns a guest that has been constructed with args.
func (m *module) start(t *testing.T, args ...any) *guest {
	t.Helper()
	return m.startWithin(t, host.Limits{}, args...)
}

func (m *module) startWithin(t *testing.T, l host.Limits, args ...any) *guest {
	t.Helper()
	g := m.instantiate(t, newWorld(), l, m.booted)
	if _, err := g.invoke(abi.Constructor, 0, "", args); err != nil {
		t.Fatalf("the constructor: %v", err)
	}
	return g
}

func (m *module) instantiate(t *testing.T, w *world, l host.Limits, img *host.Image) *guest {
	t.Helper()
	inst, err := m.code.Instantiate(t.Context(), host.Config{Env: w, Limits: l}, img)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inst.Close(context.Background()) })
	return &guest{t, inst, w}
}

// invoke calls the guest and returns what it answers, CBOR or an error.
func (g *guest) invoke(kind abi.Kind, flags uint8, method string, args []any) ([]byte, error) {
	g.t.Helper()
	encoded, err := abi.Args(args...)
	if err != nil {
		g.t.Fatalf("the arguments of %s: %v", method, err)
	}
	return g.inst.Invoke(g.t.Context(), kind, flags, method, encoded)
}

// try calls a method that may fail.
func (g *guest) try(method string, args ...any) ([]byte, error) {
	g.t.Helper()
	return g.invoke(abi.Method, 0, method, args)
}

// result calls a method and returns its result as a T.
func result[T any](g *guest, method string, args ...any) (v T) {
	g.t.Helper()
	b, err := g.try(method, args...)
	if err != nil {
		g.t.Fatalf("%s%v: %v", method, args, err)
	}
	if len(b) == 0 {
		b = []byte{0xf6}
	}
	if err := abi.Decode(b, &v); err != nil {
		g.t.Fatalf("%s%v answered %s: %v", method, args, abi.Diag(b), err)
	}
	return v
}

// fails calls a method that must fail with a code, and returns the error.
func (g *guest) fails(code abi.Code, method string, args ...any) *abi.Error {
	g.t.Helper()
	b, err := g.try(method, args...)
	if err == nil {
		g.t.Fatalf("%s%v answered %s, want the error %q", method, args, abi.Diag(b), code)
	}
	if abi.CodeOf(err) != code {
		g.t.Fatalf("%s%v failed with %q: %v, want %q", method, args, abi.CodeOf(err), err, code)
	}
	return abi.AsError(err)
}

func (g *guest) snapshot() *host.Image {
	g.t.Helper()
	img, err := g.inst.Snapshot()
	if err != nil {
		g.t.Fatal(err)
	}
	return img
}

func (g *guest) restore(img *host.Image) {
	g.t.Helper()
	if err := g.inst.Restore(g.t.Context(), img); err != nil {
		g.t.Fatal(err)
	}
}

// A state is what the microservice's methods show of its state.
type state struct {
	Label string
	Keys  []string
	Count int64
}

// state asks the guest for its state.
func (g *guest) state() state {
	g.t.Helper()
	return state{result[string](g, "label"), result[[]string](g, "keys"), result[int64](g, "count", 0)}
}
