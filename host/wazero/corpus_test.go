package wazero

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"amino.run/internal/wasm"
)

// TestCorpus reads the eight thousand modules that wazero brings along (the
// specification's own tests and fuzzing finds among them). What the engine accepts is
// read without fault, unless a limit or a feature is named, and accepted again
// when it is rewritten.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	e := engine(t, Options{Interpret: true}) // it decodes and validates alike, and is quick
	accepts := func(b []byte) error {
		code, err := e.runtime.CompileModule(context.Background(), b)
		if err == nil {
			err = code.Close(context.Background())
		}
		return err
	}
	var files, good, held, refused int
	err = filepath.WalkDir(strings.TrimSpace(string(out)), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".wasm" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		m, ours := wasm.Parse(b)
		theirs := accepts(b)
		switch {
		case theirs != nil:
			refused++
		case ours == nil && len(m.Reasons) > 0, ours != nil && expected(ours):
			held++
		case ours != nil:
			t.Errorf("%s: the engine accepts it; we: %v", path, ours)
		default:
			good++
			if err := accepts(m.Rewrite()); err != nil {
				t.Errorf("%s: rewritten, the engine does not accept it: %v", path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules: %d good, %d well formed but not for us, %d refused by the engine", files, good, held, refused)
	if files < 1000 || good < 500 {
		t.Errorf("of %d modules only %d are good: this is no corpus", files, good)
	}
}

// expected reports whether a fault is a limit, or one that the engine would find
// only when it instantiates the module.
func expected(fault error) bool {
	for _, s := range []string{"limit", "too much", "outside the memory"} {
		if strings.Contains(fault.Error(), s) {
			return true
		}
	}
	return false
}
