package wazero_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/wazero"
)

// A guest with a manifest section and one that describes itself say the same of
// themselves, boot included.
func TestDescribe(t *testing.T) {
	e, err := wazero.New(t.Context(), wazero.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	for _, path := range []string{"../../examples/counter/rust/counter.wasm", "../../examples/counter/c/counter.wasm"} {
		wasm, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := host.Prepare(wasm)
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Compile(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := host.Describe(t.Context(), p, m)
		if err != nil || manifest.Name != "counter" || manifest.Method("add") == nil {
			t.Errorf("%s: %+v, %v", path, manifest, err)
		}
	}
}

func TestAloneCallsNoOne(t *testing.T) {
	if _, err := (host.Alone{}).Invoke(t.Context(), abi.Request{Target: "x"}); !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "did not run") {
		t.Errorf("got %v", err)
	}
}
