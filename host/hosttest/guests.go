package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Guests returns the conformance microservice of every SDK that is built, and
// Go's, which takes nothing but Go to build, unless tests are to be short. root is
// the module's directory.
func Guests(t testing.TB, root string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(root, "guest-sdks/*/conformance/conformance.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(filepath.Dir(filepath.Dir(f)))] = b
	}
	if !testing.Short() {
		found["go"] = goGuest(t, root)
	}
	return found
}

func goGuest(t testing.TB, root string) []byte {
	out := filepath.Join(t.TempDir(), "conformance.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, ".")
	cmd.Dir = filepath.Join(root, "guest-sdks/go/conformance")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the Go guest: %v\n%s", err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
