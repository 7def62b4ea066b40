package guestbuild

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPrebuilt(t *testing.T) {
	root := t.TempDir()
	committed := filepath.Join(root, "c", "counter.wasm")
	rebuilt := filepath.Join(root, "build", "guests", "c", "counter.wasm")
	for _, path := range []string{committed, rebuilt} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, committed, "committed")
	for _, step := range []struct {
		env, want string
		rebuild   bool
	}{
		{"", committed, false},
		{"rebuilt", committed, false},
		{"rebuilt", rebuilt, true},
		{"", committed, true},
	} {
		t.Setenv("AMINO_GUESTS", step.env)
		if step.rebuild {
			write(t, rebuilt, "rebuilt")
		}
		if got := prebuilt(t, root, "c/counter.wasm"); got != step.want {
			t.Errorf("AMINO_GUESTS=%s, rebuilt %v: %s, want %s", step.env, step.rebuild, got, step.want)
		}
	}
}
