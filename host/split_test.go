package host

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"amino.run/abi"
)

func TestSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	mem := memory(r, 20)
	one := Capture("p", mem, []uint64{1, 2}, -3, nil)
	copy(mem[5*PageSize:], "a change")
	two := Capture("p", mem, []uint64{1, 3}, 4, one)
	for _, img := range []*Image{one, two, {Program: "empty"}} {
		head, chunks := img.Split()
		got, err := JoinImage(bytes.Clone(head), chunks)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest() != img.Digest() || got.Clock != img.Clock {
			t.Errorf("%+v came back as %+v", img, got)
		}
	}
	_, a := one.Split()
	_, b := two.Split()
	was := map[*byte]bool{}
	for _, c := range a {
		was[&c.Data[0]] = true
	}
	changed := 0
	for _, c := range b {
		if !was[&c.Data[0]] {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d chunks changed, want one", changed)
	}
}

func TestJoinImageRefuses(t *testing.T) {
	full := bytes.Repeat([]byte{1}, 2*blockSize)
	head, _ := (&Image{Program: "p", Pages: 2}).Split()
	for name, c := range map[string]struct {
		head   []byte
		chunks []Chunk
		says   string
	}{
		"short head":      {head[:len(head)-1], nil, "too early"},
		"long head":       {append(bytes.Clone(head), 0), nil, "too long"},
		"beyond memory":   {head, []Chunk{{2 * PageSize, full}}, "more memory"},
		"twice in a page": {head, []Chunk{{0, full}, {2 * blockSize, full}}, "in order"},
		"across pages":    {head, []Chunk{{PageSize - blockSize, full}}, "in order"},
		"no whole block":  {head, []Chunk{{0, full[1:]}}, "in order"},
		"at no block":     {head, []Chunk{{1, full}}, "in order"},
		"nothing":         {head, []Chunk{{0, nil}}, "in order"},
		"zeros":           {head, []Chunk{{0, make([]byte, blockSize)}}, "zeros"},
	} {
		if _, err := JoinImage(c.head, c.chunks); abi.CodeOf(err) != abi.Storage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
