package guestbuild

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guest writes a package that exports a function.
func guest(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.org/guest\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() {}\n\n//go:wasmexport answer\nfunc answer() int32 { "+body+" }\n")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBuiltOnceForEachContent(t *testing.T) {
	cache, dir := t.TempDir(), guest(t, "return 42")
	first, err := build(dir, cache)
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(first)
	if err != nil || !bytes.HasPrefix(module, []byte("\x00asm")) || !bytes.Contains(module, []byte("answer")) {
		t.Fatalf("not a module that exports answer: %d bytes, %v", len(module), err)
	}
	write(t, first, "untouched")
	if again, err := build(dir, cache); again != first || err != nil {
		t.Errorf("built again: %s, %v", again, err)
	}
	if text, _ := os.ReadFile(first); string(text) != "untouched" {
		t.Error("the module was built a second time from the same source")
	}
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() {}\n")
	if changed, err := build(dir, cache); changed == first || err != nil {
		t.Errorf("another source: %s, %v", changed, err)
	}
}

func TestErrorShowsTheCompilers(t *testing.T) {
	cache := t.TempDir()
	_, err := build(guest(t, "return nothing"), cache)
	if err == nil || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("err = %v, want the compiler's message", err)
	}
	if left, _ := os.ReadDir(cache); len(left) != 0 {
		t.Errorf("%v is left in the cache", left)
	}
}

func TestPrune(t *testing.T) {
	cache := t.TempDir()
	for _, name := range []string{"old.wasm", "new.wasm"} {
		write(t, filepath.Join(cache, name), name)
	}
	past := time.Now().Add(-2 * keep)
	if err := os.Chtimes(filepath.Join(cache, "old.wasm"), past, past); err != nil {
		t.Fatal(err)
	}
	prune(cache, time.Now().Add(-keep))
	left, _ := os.ReadDir(cache)
	if len(left) != 1 || left[0].Name() != "new.wasm" {
		t.Errorf("left: %v, want new.wasm alone", left)
	}
}

func TestRoot(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "internal", "guestbuild")); err != nil {
		t.Error(err)
	}
}
