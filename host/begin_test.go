package host_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	. "amino.run/internal/wasm/asm"
)

// A module that begins at an image has it as its base image.
func TestBeginAt(t *testing.T) {
	module := least(func(m *Module) { m.Global(I32, true, I32Const(5)) }).Bytes()
	p, err := host.Prepare(module)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		mem := make([]byte, (1+r.IntN(3))*host.PageSize)
		for range r.IntN(100) {
			at := r.IntN(len(mem))
			for i := range mem[at:min(len(mem), at+r.IntN(40))] {
				mem[at+i] = byte(r.IntN(3)) // runs of zeros, too
			}
		}
		img := host.Capture(p.Digest, mem, []uint64{7}, 0, nil)
		begun, err := host.BeginAt(module, img)
		if err != nil {
			t.Fatal(err)
		}
		q, err := host.Prepare(begun)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(mem))
		q.Base.CopyTo(got, true)
		if !bytes.Equal(got, mem) || q.Base.Pages != img.Pages || q.Base.Globals[0] != 7 {
			t.Fatalf("it begins with %d pages and %v", q.Base.Pages, q.Base.Globals)
		}
	}
	if _, err := host.BeginAt(module, host.Capture(p.Digest, nil, nil, 0, nil)); abi.CodeOf(err) != abi.Refused {
		t.Errorf("a state without the module's globals: %v", err)
	}
}
