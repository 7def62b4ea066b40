package host

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// memory returns n pages, some of whose blocks are not zero.
func memory(r *rand.Rand, n int) []byte {
	mem := make([]byte, n*PageSize)
	for range n * r.IntN(4) {
		mem[r.IntN(len(mem))] = byte(1 + r.IntN(255))
	}
	return mem
}

func TestCaptureAndCopy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var prev *Image
	for k := range 200 {
		mem := memory(r, r.IntN(8))
		img := Capture("p", mem, []uint64{uint64(k)}, 7, prev)
		if img.Digest() != Capture("p", mem, []uint64{uint64(k)}, 9, nil).Digest() {
			t.Fatal("an image that shares chunks differs from one that does not")
		}
		fresh := make([]byte, len(mem))
		if img.CopyTo(fresh, true); !bytes.Equal(fresh, mem) {
			t.Fatal("a fresh memory differs")
		}
		used := bytes.Repeat([]byte{0xaa}, len(mem))
		if img.CopyTo(used, false); !bytes.Equal(used, mem) {
			t.Fatal("a used memory differs")
		}
		prev = img
	}
}

func TestCaptureShares(t *testing.T) {
	mem := make([]byte, 100*PageSize)
	for p := range 100 {
		mem[p*PageSize+5000] = 1
	}
	first := Capture("p", mem, nil, 0, nil)
	mem[50*PageSize+5001] = 1
	second := Capture("p", mem, nil, 0, first)
	shared := 0
	for k := range second.chunks {
		if &first.chunks[k].Data[0] == &second.chunks[k].Data[0] {
			shared++
		}
	}
	if shared != 99 {
		t.Errorf("%d of 100 chunks are shared after one byte changed", shared)
	}
	if first.Size() != 100*blockSize {
		t.Errorf("100 blocks take %d bytes", first.Size())
	}
}

func TestDigestTellsStatesApart(t *testing.T) {
	mem := make([]byte, 2*PageSize)
	mem[9] = 1
	base := Capture("p", mem, []uint64{1, 2}, 3, nil)
	mem[9], mem[PageSize+9] = 0, 1
	for name, other := range map[string]*Image{
		"program": {Program: "q", Pages: 2, Globals: []uint64{1, 2}, chunks: base.chunks},
		"globals": {Program: "p", Pages: 2, Globals: []uint64{1, 3}, chunks: base.chunks},
		"size":    {Program: "p", Pages: 3, Globals: []uint64{1, 2}, chunks: base.chunks},
		"place":   Capture("p", mem, []uint64{1, 2}, 3, nil),
	} {
		if other.Digest() == base.Digest() {
			t.Errorf("another %s has the same digest", name)
		}
	}
	clock := *base
	if clock.Clock = 99; clock.Digest() != base.Digest() {
		t.Error("the clock is part of the digest")
	}
}

func TestWipeLeavesUntouchedMemoryAlone(t *testing.T) {
	mem := make([]byte, 3*blockSize+100)
	mem[blockSize+1], mem[3*blockSize+99] = 1, 1
	if wipe(mem); !isZeroSlow(mem) {
		t.Error("not all is zero")
	}
}

func isZeroSlow(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func BenchmarkImage(b *testing.B) {
	for _, mib := range []int{1, 16, 64} {
		mem := make([]byte, mib<<20)
		r := rand.New(rand.NewPCG(1, 2))
		for p := 0; p < len(mem); p += 64 {
			mem[p] = byte(r.Uint32())
		}
		img := Capture("p", mem, nil, 0, nil)
		bench := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%dMiB", name, mib), func(b *testing.B) {
				b.SetBytes(int64(len(mem)))
				for b.Loop() {
					f()
				}
			})
		}
		bench("capture", func() { Capture("p", mem, nil, 0, nil) })
		bench("capture again", func() { Capture("p", mem, nil, 0, img) })
		bench("copy back", func() { img.CopyTo(mem, false) })
		bench("marshal", func() { img.Marshal() })
		text := img.Marshal()
		bench("parse", func() { ParseImage(text) })
	}
}
