package kernel

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"amino.run/abi"
)

func testModules(t *testing.T, dir string, fetch func() ([]byte, error)) *modules {
	return &modules{dir: dir, engine: testEngine(), fetch: func(context.Context, string) ([]byte, error) { return fetch() }}
}

func TestModulesFetchOnce(t *testing.T) {
	wasm := counter(t)
	var fetched atomic.Int32
	dir := t.TempDir()
	ms := testModules(t, dir, func() ([]byte, error) { fetched.Add(1); return wasm, nil })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if m, err := ms.get(t.Context(), digestOf(wasm)); err != nil || m.manifest.Name != "counter" {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	again := testModules(t, dir, func() ([]byte, error) { fetched.Add(1); return wasm, nil }) // the next process
	if _, err := again.get(t.Context(), digestOf(wasm)); err != nil || fetched.Load() != 1 {
		t.Errorf("fetched %d times, %v", fetched.Load(), err)
	}
}

func TestModulesFetchAgainWhatIsDamaged(t *testing.T) {
	wasm := counter(t)
	for name, damaged := range map[string][]byte{"cut": wasm[:len(wasm)/2], "empty": nil, "flipped": append(bytes.Clone(wasm[:len(wasm)-1]), wasm[len(wasm)-1]^1)} {
		dir := t.TempDir()
		path := filepath.Join(dir, digestOf(wasm)+".wasm")
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		ms := testModules(t, dir, func() ([]byte, error) { return wasm, nil })
		if _, err := ms.get(t.Context(), digestOf(wasm)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, wasm) {
			t.Errorf("%s: the file was not put right: %v", name, err)
		}
	}
}

// What cannot be had is asked for again, by the next who needs it.
func TestModulesFailures(t *testing.T) {
	wasm := counter(t)
	answer, fail := []byte(nil), error(abi.ErrUnavailable)
	ms := testModules(t, t.TempDir(), func() ([]byte, error) { return answer, fail })
	get := func() error { _, err := ms.get(t.Context(), digestOf(wasm)); return err }
	if err := get(); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("no answer: %v", err)
	}
	answer, fail = []byte("another"), nil
	if err := get(); abi.CodeOf(err) != abi.Internal {
		t.Errorf("another module: %v", err)
	}
	answer = wasm
	if err := get(); err != nil {
		t.Error(err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ms = testModules(t, filepath.Join(blocked, "modules"), func() ([]byte, error) { return wasm, nil })
	if err := get(); abi.CodeOf(err) != abi.Storage {
		t.Errorf("no directory can be made: %v", err)
	}
}
