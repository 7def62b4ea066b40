package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/guestbuild"
)

// What build makes can be deployed as it is.
func TestBuild(t *testing.T) {
	oms, source := cluster(t), filepath.Join(guestbuild.Root(t), "examples", "counter", "go")
	t.Chdir(t.TempDir())
	v := asJSON[buildView](t, "build", source)
	info, err := os.Stat("go.wasm") // named after the directory
	if err != nil || v.File != "go.wasm" || int64(v.Size) != info.Size() || v.Language != "Go" || v.Name != "counter" || len(v.Methods) != 2 {
		t.Errorf("built %+v, %v", v, err)
	}
	out := does(t, "build", source, "-o", "sub/counter.wasm")
	for _, want := range []string{"counter", "Go", "sub/counter.wasm", "MiB", "add(by: s64) -> s64", "get() -> s64 readonly"} {
		if !strings.Contains(out, want) {
			t.Errorf("build does not say %q:\n%s", want, out)
		}
	}
	does(t, "deploy", "sub/counter.wasm", "--name", "built", "--oms", oms)
	if got := does(t, "invoke", "built", "add", "5", "--oms", oms); got != "5\n" {
		t.Errorf("add 5: %s", got)
	}
}

// A module that would be refused is refused here, and is not left lying about.
func TestBuildRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	source := map[string]string{
		"bare": "package main\n\nfunc main() {}\n",
		"bad":  "package main\n\nfunc main() { nothing() }\n",
	}
	for dir, text := range source {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string]string{"main.go": text, "go.mod": "module x\n\ngo 1.26\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	fails(t, exitFailed, []string{"bare compiles, but cannot be deployed: the module is refused", "amino_abi_v1"}, "build", "bare")
	code, out, errs := aminorun(t, "build", "bad")
	said, last, _ := strings.Cut(errs, "aminorun: ")
	if code != exitFailed || out != "" || !strings.Contains(said, "undefined: nothing") || !strings.Contains(last, "does not compile; the compiler's words are above") {
		t.Errorf("a compiler's error: %d, %q, %q", code, out, errs)
	}
	fails(t, exitFailed, []string{"no source:", "no such file"}, "build", "nowhere")
	fails(t, exitFailed, []string{`no language "cobol"`}, "build", "bare", "--language", "cobol")
	if left, err := filepath.Glob("*.wasm"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// inspect says what a kernel would say of a module.
func TestInspect(t *testing.T) {
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	section := read(guestbuild.Prebuilt(t, "examples/counter/assemblyscript/counter.wasm"))
	told := read(guestbuild.Go(t, filepath.Join(guestbuild.Root(t), "examples", "counter", "go")))
	for what, wasm := range map[string][]byte{"a manifest in a section": section, "a manifest that the guest tells": told} {
		m, _, err := inspect(t.Context(), wasm)
		if err != nil || m.Name != "counter" || m.Method("add") == nil {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
	mute := bytes.Replace(section, []byte(abi.ManifestSection), bytes.Repeat([]byte("x"), len(abi.ManifestSection)), 1)
	_, _, err := inspect(t.Context(), mute)
	if abi.CodeOf(err) != abi.Refused || !strings.Contains(err.Error(), "the module has no manifest: neither a custom section amino.manifest nor an export amino_describe") {
		t.Errorf("without a manifest: %v", err)
	}
	if _, _, err := inspect(t.Context(), section[:len(section)-9]); err == nil {
		t.Error("a module that is cut short is not refused")
	}
}

// A guest that calls others before it is deployed is told that it cannot.
func TestAlone(t *testing.T) {
	_, err := host.Alone{}.Invoke(t.Context(), abi.Request{})
	if abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("%v", err)
	}
	if _, ok := (host.Alone{}).Config("k"); ok || (host.Alone{}).Self() != (host.Identity{}) {
		t.Error("it sees something")
	}
}
