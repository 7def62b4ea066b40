package wazero

import (
	"sync/atomic"
	"testing"

	"amino.run/host"
)

func TestMemory(t *testing.T) {
	const page = host.PageSize
	var size atomic.Uint64
	m := &memory{limit: 100 * page, first: 3 * page, size: &size}
	b := m.Allocate(0, 0).Reallocate(page)
	if len(b) != 3*page {
		t.Fatalf("it begins with %d bytes", len(b))
	}
	for n := uint64(3); n <= 100; n++ {
		if b = m.Reallocate(n * page); uint64(len(b)) != n*page || size.Load() != n*page {
			t.Fatalf("%d pages are %d bytes, told as %d", n, len(b), size.Load())
		}
		last := b[(n-1)*page:]
		if last[0] != 0 || last[page-1] != 0 {
			t.Fatal("new memory is not zero")
		}
		last[0], last[page-1] = byte(n), byte(n)
	}
	for n := uint64(4); n <= 100; n++ {
		if b[(n-1)*page] != byte(n) {
			t.Fatalf("page %d was lost on the way", n)
		}
	}
	if m.Reallocate(101*page) != nil || !m.refused || size.Load() != 100*page {
		t.Error("the limit was not kept")
	}
	m.Free()
}

// TestMemoryOfNothing is that of a module whose memory begins empty.
func TestMemoryOfNothing(t *testing.T) {
	var size atomic.Uint64
	m := &memory{limit: host.PageSize, size: &size}
	if b := m.Reallocate(0); b == nil || len(b) != 0 {
		t.Errorf("%v", b)
	}
	if b := m.Reallocate(host.PageSize); len(b) != host.PageSize {
		t.Errorf("%d bytes", len(b))
	}
	m.Free()
	m.Free() // the engine may say so twice
}
