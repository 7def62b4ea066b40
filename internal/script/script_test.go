package script_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/internal/script"
)

var engine = sync.OnceValues(func() (*wazero.Engine, error) {
	dir, err := os.UserCacheDir()
	if err != nil { // no HOME
		dir = os.TempDir()
	}
	return wazero.New(context.Background(), wazero.Options{CacheDir: filepath.Join(dir, "amino.run", "compiled")})
})

// read returns the module of a script, and what it printed.
func read(t *testing.T, file, source string) (module []byte, printed []string, err error) {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	module, err = script.Module(t.Context(), e, script.Script{
		File: file, Source: []byte(source),
		Log: func(_ int, text string) { printed = append(printed, text) },
	})
	return module, printed, err
}

// A world is one where the microservice other echoes the arguments of read_all.
type world struct{ host.Alone }

func (world) Invoke(_ context.Context, r abi.Request) ([]byte, error) {
	if r.Target == "other" && r.Name == "read_all" {
		return r.Args, nil
	}
	return nil, abi.Errorf(abi.UnknownMethod, "other has no %s", r.Name)
}

// start returns a guest that begins where the module does, and the manifest.
func start(t *testing.T, module []byte) (host.Instance, *abi.Manifest) {
	t.Helper()
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.Prepare(module)
	if err != nil {
		t.Fatal(err)
	}
	code, err := e.Compile(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { code.Close(context.Background()) })
	manifest, err := host.Describe(t.Context(), p, code)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := code.Instantiate(t.Context(), host.Config{Env: world{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inst.Close(context.Background()) })
	if _, err := inst.Invoke(t.Context(), abi.Constructor, 0, "", nil); err != nil {
		t.Fatal(err)
	}
	return inst, manifest
}

func odds(t *testing.T) (module []byte, printed []string) {
	t.Helper()
	source, err := os.ReadFile("testdata/odds.js")
	if err != nil {
		t.Fatal(err)
	}
	module, printed, err = read(t, "odds.js", string(source))
	if err != nil {
		t.Fatal(err)
	}
	return module, printed
}

// The same script makes the same module, whenever: it sees neither time nor chance.
func TestModuleIsReproducible(t *testing.T) {
	a, printed := odds(t)
	b, _ := odds(t)
	if !bytes.Equal(a, b) {
		t.Error("the same script made two modules")
	}
	if want := `read {a: 1, b: [1n, "x"], c: Map {1: null}}`; !slices.Equal(printed, []string{want}) {
		t.Errorf("printed %q, want %q", printed, want)
	}
}

// Two scripts of a language have one code, which an engine compiles once.
func TestScriptsShareTheInterpreter(t *testing.T) {
	a, _ := odds(t)
	b, _, err := read(t, "b.js", "export default { hello() { return 'hello' } }")
	if err != nil {
		t.Fatal(err)
	}
	p, err := host.Prepare(a)
	if err != nil {
		t.Fatal(err)
	}
	q, err := host.Prepare(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Wasm, q.Wasm) || p.Digest == q.Digest {
		t.Errorf("the code of the two is of %d and %d bytes, and not the same", len(p.Wasm), len(q.Wasm))
	}
}

func TestManifest(t *testing.T) {
	module, _ := odds(t)
	_, m := start(t, module)
	if m.Name != "odd-cases" || m.Doc != "Has the odd cases." || m.Language != "javascript" || !slices.Equal(m.DMs, []string{"LeaseCaching(ttl=10s)"}) {
		t.Errorf("the manifest is %+v", m)
	}
	if d := m.Method("inherited"); d == nil || d.Doc != "Is inherited." {
		t.Errorf("inherited is %+v", d)
	}
	if d := m.Method("kind"); d == nil || d.Result != "string" || d.Params[0].Type != "s64" {
		t.Errorf("kind is %+v", d)
	}
	for _, name := range []string{"_hidden", "computed", "constructor", "notFound"} {
		if m.Method(name) != nil {
			t.Errorf("%s is a method", name)
		}
	}
}

func TestCalls(t *testing.T) {
	module, _ := odds(t)
	inst, _ := start(t, module)
	for _, c := range []struct {
		method string
		args   []any
		want   string // CBOR in hex
		code   abi.Code
		says   string
	}{
		{"deep", []any{0}, "", abi.Application, "Maximum call stack size exceeded"},
		{"fault", nil, "", abi.Application, "TypeError: cannot read property 'property' of undefined"},
		{"not_found", nil, "", abi.NotFound, "no such shelf"},
		{"text", nil, "", abi.Application, "just text"},
		{"never", nil, "", abi.Application, "awaits what never comes"},
		{"later", []any{7}, "82078107", 0, ""},
		{"rejected", nil, "", abi.Application, "too late"},
		{"caught", nil, "83f56e756e6b6e6f776e206d6574686f64746f7468657220686173206e6f206e6f7468696e67", 0, ""},
		{"inexact", nil, "", abi.Application, "use BigInt"},
		{"kind", []any{1 << 53}, "66626967696e74", 0, ""},
		{"kind", []any{1<<53 - 1}, "666e756d626572", 0, ""},
		{"kind", []any{1.5}, "", abi.BadArgument, "n is a float, want s64"},
		{"sum", []any{map[string]int{"a": 1, "b": 2}}, "03", 0, ""},
		{"sum", []any{map[string]int{"a": 256}}, "", abi.BadArgument, "map<string, u8>"},
		{"clocks", nil, "8300f5f5", 0, ""},
		{"itself", nil, "", abi.Application, "contains itself"},
		{"lone", nil, "6561efbfbd62", 0, ""},
		{"symbols", nil, "", abi.Application, "cannot be sent"},
		{"skips", nil, "a3646b657074f6637365748101646c617465c076313937302d30312d30315430303a30303a30312e355a", 0, ""},
		{"proto", nil, "a1695f5f70726f746f5f5f01", 0, ""},
		{"_hidden", nil, "", abi.UnknownMethod, "no method _hidden"},
	} {
		args, err := abi.Args(c.args...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := inst.Invoke(t.Context(), abi.Method, 0, c.method, args)
		if abi.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s%v: %v (%v), want %v: %s", c.method, c.args, err, abi.CodeOf(err), c.code, c.says)
		} else if err == nil && hex.EncodeToString(got) != c.want {
			t.Errorf("%s%v = %x, want %s", c.method, c.args, got, c.want)
		}
		if inst.Failed() {
			t.Fatalf("%s%v: the guest has failed", c.method, c.args)
		}
	}
}

// Two microservices of one image do not throw the same dice.
func TestChance(t *testing.T) {
	module, _ := odds(t)
	var thrown [2][]byte
	for i := range thrown {
		inst, _ := start(t, module)
		b, err := inst.Invoke(t.Context(), abi.Method, 0, "chance", nil)
		if err != nil {
			t.Fatal(err)
		}
		thrown[i] = b
	}
	if bytes.Equal(thrown[0], thrown[1]) {
		t.Errorf("both threw %x", thrown[0])
	}
}

// A script that is no microservice is refused, with the place of the fault.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ source, says string }{
		{"export default class A {\n  a( { }\n}", "x.js:3:1: SyntaxError: Unexpected token '}'"},
		{"\n  nothing();", "x.js:2:3: ReferenceError: nothing is not defined"},
		{"function f() {\n  throw new Error('ouch');\n}\nf();", "x.js:2:13: Error: ouch"},
		{"class A { a() {} }", `x.js: it exports no microservice: begin its class with "export default class"`},
		{"export default class A {}", "x.js: the microservice has no methods"},
		{"export default class A { a(...xs) {} }", "x.js: ...xs"},
		{"export default class A { readAll() {}\nread_all() {} }", "x.js: two methods are called read_all"},
		{"import fs from 'fs';\nexport default class A { a() {} }", `x.js: ReferenceError: cannot import "fs": a script is one file`},
		{"await amino.call('other', 'm'); export default class A { a() {} }", "no microservice can be called from here"},
		{"await new Promise(() => {});", "awaits what never comes"},
		{"", "exports no microservice"},
		{"export default class A { a() {} }\xff", "not text in UTF-8"},
	} {
		_, _, err := read(t, "x.js", c.source)
		if abi.CodeOf(err) != abi.Refused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v (%v), want it refused with %q", c.source, err, abi.CodeOf(err), c.says)
		}
	}
}

// A script that loops is ended with its caller.
func TestLoops(t *testing.T) {
	e, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = script.Module(ctx, e, script.Script{File: "x.js", Source: []byte("for (;;);")})
	if !slices.Contains([]abi.Code{abi.Refused, abi.Deadline, abi.Unavailable}, abi.CodeOf(err)) {
		t.Errorf("a script that loops: %v", err)
	}
}
