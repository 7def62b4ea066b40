package compile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/guestbuild"
)

// project writes files, by path, into a directory and returns it.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build compiles dir and returns the module, what the compiler said, and the error.
func build(t *testing.T, dir string) (wasm []byte, said string, err error) {
	t.Helper()
	var log bytes.Buffer
	out := filepath.Join(t.TempDir(), "x.wasm")
	_, err = Module(t.Context(), Request{Dir: dir, Out: out, Log: &log})
	if err != nil {
		return nil, log.String(), err
	}
	wasm, err = os.ReadFile(out)
	return wasm, log.String(), err
}

// check compares an error's code and words.
func check(t *testing.T, err error, code abi.Code, words ...string) {
	t.Helper()
	if abi.CodeOf(err) != code || strings.Count(err.Error(), "\n") > 1 {
		t.Errorf("code %v, want %v, in one or two lines: %v", abi.CodeOf(err), code, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %q", w, err)
		}
	}
}

// The counter in every language compiles to a module that is not refused.
func TestCounters(t *testing.T) {
	counters := filepath.Join(guestbuild.Root(t), "examples", "counter")
	for dir, want := range map[string]string{"go": "Go", "c": "C", "rust": "Rust", "assemblyscript": "AssemblyScript"} {
		t.Run(dir, func(t *testing.T) {
			source := filepath.Join(counters, dir)
			if !exists(source) {
				t.Skip("there is no counter in", dir)
			}
			l, err := recognise(source, "")
			if err != nil || l.name != want {
				t.Fatalf("recognised as %v, %v", l, err)
			}
			wasm, said, err := build(t, source)
			if errors.Is(err, abi.ErrNotFound) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if _, err := host.Prepare(wasm); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is built here is, byte for byte, what the tests' own builder makes.
func TestGoIsReproducible(t *testing.T) {
	dir := filepath.Join(guestbuild.Root(t), "examples", "counter", "go")
	want, err := os.ReadFile(guestbuild.Go(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if got, said, err := build(t, dir); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want the same %d: %v\n%s", len(got), len(want), err, said)
	}
}

func TestRecognise(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string // or the words of the error
	}{
		{[]string{"go.mod"}, "Go"},
		{[]string{"main.go"}, "Go"},
		{[]string{"Cargo.toml", "src/lib.rs"}, "Rust"},
		{[]string{"a.c", "a.h"}, "C"},
		{[]string{"index.ts"}, "AssemblyScript"},
		{[]string{"asconfig.json", "assembly/index.ts"}, "AssemblyScript"},
		{[]string{"package.json"}, "holds no source in Go, Rust, C, AssemblyScript"},
		{[]string{"README.md", "x.wasm"}, "can be deployed as it is"},
		{[]string{"main.go", "a.c"}, "holds Go and C; name the one to build with --language"},
	} {
		files := map[string]string{}
		for _, f := range c.files {
			files[f] = ""
		}
		l, err := recognise(project(t, files), "")
		if err != nil {
			check(t, err, abi.CodeOf(err), c.want)
		} else if l.name != c.want {
			t.Errorf("%v: %s, want %s", c.files, l.name, c.want)
		}
	}
	both := project(t, map[string]string{"main.go": "", "a.c": ""})
	if l, err := recognise(both, "c"); err != nil || l.name != "C" {
		t.Errorf("with --language c: %v, %v", l, err)
	}
	_, err := recognise(both, "cobol")
	check(t, err, abi.NotFound, `no language "cobol"; there are Go, Rust, C, AssemblyScript`)
	_, err = recognise(filepath.Join(both, "nowhere"), "")
	check(t, err, abi.NotFound, "no source:", "no such file")
	_, err = recognise(filepath.Join(both, "a.c"), "")
	check(t, err, abi.NotFound, "a.c is a file; name the directory")
	odd := filepath.Join(t.TempDir(), "a[b]*?")
	if err := os.Mkdir(odd, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "a.c"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if l, err := recognise(odd, ""); err != nil || l.name != "C" {
		t.Errorf("in %s: %v, %v", odd, l, err)
	}
}

// A machine without the compilers says what to install, by the script where there
// is one.
func TestMissingTools(t *testing.T) {
	root := guestbuild.Root(t)
	t.Setenv("PATH", t.TempDir())
	files := map[string]map[string]string{
		"Go":             {"main.go": "package main"},
		"C":              {"a.c": ""},
		"Rust":           {"Cargo.toml": ""},
		"AssemblyScript": {"index.ts": ""},
	}
	want := map[string][]string{
		"Go":             {"to build Go, go is needed", "scripts/toolchain/install.sh go", "install Go 1.26"},
		"C":              {"to build C, clang is needed", "scripts/toolchain/install.sh c", "wasi-libc"},
		"Rust":           {"to build Rust, cargo is needed", "scripts/toolchain/install.sh rust", "rustup target add"},
		"AssemblyScript": {"to build AssemblyScript, node is needed", "scripts/toolchain/install.sh assemblyscript", "Node.js"},
	}
	for i := range languages {
		l := &languages[i]
		for _, sdk := range []string{bareSDK(t, root), ""} {
			j := &job{ctx: t.Context(), dir: project(t, files[l.name]), out: filepath.Join(t.TempDir(), "x.wasm"), sdk: sdk}
			words := want[l.name]
			if sdk == "" {
				words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.Contains(w, "scripts/") })
			}
			if l.name == "C" && sdk == "" {
				words = []string{"the c SDK is not found", "set AMINO_SDK to the directory guest-sdks"}
			}
			check(t, l.run(j, &bytes.Buffer{}), abi.NotFound, words...)
		}
	}
}

// bareSDK returns guest-sdks of a copy of the repository without build/toolchain.
func bareSDK(t *testing.T, root string) string {
	t.Helper()
	dir := project(t, map[string]string{"guest-sdks/CONFORMANCE.md": "", "guest-sdks/c/amino.c": ""})
	if err := os.Symlink(filepath.Join(root, "scripts"), filepath.Join(dir, "scripts")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "guest-sdks")
}

// A tool that a copy of the repository has is preferred to the one on PATH.
func TestOwnToolchain(t *testing.T) {
	dir := project(t, map[string]string{
		"guest-sdks/CONFORMANCE.md": "", "build/toolchain/rust/bin/cargo": "", "build/toolchain/go/bin/go": "",
		"build/toolchain/assemblyscript/node_modules/assemblyscript/bin/asc.js": "",
		"mine/index.ts": "",
	})
	j := &job{ctx: t.Context(), dir: filepath.Join(dir, "mine"), sdk: filepath.Join(dir, "guest-sdks")}
	cmd, err := j.cargo("metadata")
	if err != nil || cmd.Path != filepath.Join(dir, "build/toolchain/rust/bin/cargo") {
		t.Errorf("cargo is %v, %v", cmd, err)
	}
	if cmd, err = golang.command(j); err != nil || cmd.Path != filepath.Join(dir, "build/toolchain/go/bin/go") {
		t.Errorf("go is %v, %v", cmd, err)
	}
	modules, err := j.nodeModules()
	if err != nil || modules != filepath.Join(dir, "build/toolchain/assemblyscript/node_modules") {
		t.Errorf("node_modules is %s, %v", modules, err)
	}
	for _, path := range []string{asCompiler, asTransform} { // the project's own come first
		path = filepath.Join(j.dir, "node_modules", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if modules, err = j.nodeModules(); err != nil || modules != filepath.Join(j.dir, "node_modules") {
		t.Errorf("node_modules is %s, %v", modules, err)
	}
}

func TestFindSDK(t *testing.T) {
	root := guestbuild.Root(t)
	want := filepath.Join(root, "guest-sdks")
	if sdk, err := findSDK(filepath.Join(root, "examples", "counter", "c")); sdk != want || err != nil {
		t.Errorf("above an example: %s, %v", sdk, err)
	}
	outside := t.TempDir()
	if sdk, err := findSDK(outside); sdk != "" || err != nil {
		t.Errorf("outside: %s, %v", sdk, err)
	}
	t.Setenv(EnvSDK, want)
	if sdk, err := findSDK(outside); sdk != want || err != nil {
		t.Errorf("with %s: %s, %v", EnvSDK, sdk, err)
	}
	t.Setenv(EnvSDK, outside)
	_, err := findSDK(root)
	check(t, err, abi.NotFound, "AMINO_SDK is "+outside, "not the directory guest-sdks")
}

// The compiler's own words are shown, and what to do where they do not say it.
func TestCompilerFails(t *testing.T) {
	_, said, err := build(t, project(t, map[string]string{"go.mod": "module x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { nothing() }\n"}))
	check(t, err, abi.Refused, "Go source in", "does not compile; the compiler's words are above")
	if !strings.Contains(said, "undefined: nothing") || strings.Contains(err.Error(), "go mod edit") {
		t.Errorf("said %q; %v", said, err)
	}
	for what, mod := range map[string]map[string]string{
		"no go.mod":           {},
		"SDK not in go.mod":   {"go.mod": "module x\n\ngo 1.26\n"},
		"SDK without replace": {"go.mod": "module x\n\ngo 1.26\n\nrequire amino.run/guest v0.0.0\n"},
	} {
		t.Setenv("GOPROXY", "off")
		t.Setenv("GOFLAGS", "-mod=mod")
		mod["main.go"] = "package main\n\nimport _ \"amino.run/guest\"\n\nfunc main() {}\n"
		_, said, err := build(t, project(t, mod))
		check(t, err, abi.Refused, "go mod init", "go mod edit -require=amino.run/guest@v0.0.0 -replace=amino.run/guest=", "guest-sdks/go")
		if said == "" {
			t.Errorf("%s: the compiler's words are not shown", what)
		}
	}
}

// A project anywhere compiles once it does what the message says.
func TestGoOutsideTheRepository(t *testing.T) {
	root := guestbuild.Root(t)
	source, err := os.ReadFile(filepath.Join(root, "examples", "counter", "go", "counter.go"))
	if err != nil {
		t.Fatal(err)
	}
	dir := project(t, map[string]string{
		"counter.go": string(source),
		"go.mod":     "module x\n\ngo 1.26\n\nrequire amino.run/guest v0.0.0\n\nreplace amino.run/guest => " + filepath.Join(root, "guest-sdks", "go") + "\n",
	})
	wasm, said, err := build(t, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if _, err := host.Prepare(wasm); err != nil {
		t.Error(err)
	}
}

func TestRustModule(t *testing.T) {
	metadata := []byte(`{"target_directory": "/t", "packages": [
		{"manifest_path": "/other/Cargo.toml", "targets": [{"name": "other", "kind": ["lib"]}]},
		{"manifest_path": "/mine/Cargo.toml", "targets": [{"name": "build-script-build", "kind": ["custom-build"]}, {"name": "my-counter", "kind": ["cdylib"]}]}]}`)
	if path, err := rustModule(metadata, "/mine"); err != nil || path != "/t/wasm32-unknown-unknown/release/my_counter.wasm" {
		t.Errorf("%s, %v", path, err)
	}
	_, err := rustModule([]byte(`{"packages": [{"manifest_path": "/mine/Cargo.toml", "targets": [{"name": "x", "kind": ["bin"]}]}]}`), "/mine")
	check(t, err, abi.Refused, "/mine is not a library crate: it needs a src/lib.rs")
	_, err = rustModule([]byte("warning: x"), "/mine")
	check(t, err, abi.Internal, "cargo metadata")
}

func TestEntry(t *testing.T) {
	for _, c := range []struct{ files, want string }{
		{"index.ts other.ts", "index.ts"},
		{"assembly/index.ts asconfig.json", "assembly/index.ts"},
		{"counter.ts", "counter.ts"},
	} {
		files := map[string]string{}
		for _, f := range strings.Fields(c.files) {
			files[f] = ""
		}
		j := &job{dir: project(t, files)}
		if got, err := j.entry(); err != nil || filepath.ToSlash(got) != c.want {
			t.Errorf("%s: %s, %v", c.files, got, err)
		}
	}
	_, err := (&job{dir: project(t, map[string]string{"a.ts": "", "b.ts": ""})}).entry()
	check(t, err, abi.NotFound, "has no index.ts")
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(guestbuild.Root(t), "examples", "counter", "go")
	_, err := Module(ctx, Request{Dir: dir, Out: filepath.Join(t.TempDir(), "x.wasm"), Log: &bytes.Buffer{}})
	check(t, err, abi.Canceled)
}
