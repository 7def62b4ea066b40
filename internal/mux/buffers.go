package mux

import (
	"sync"
	"sync/atomic"
)

const (
	smallBuffer = 4 << 10             // bytes; all that a quiet connection needs
	largeBuffer = maxFragment + 8<<10 // holds any frame, and more small ones
	keepBuffers = 8                   // large buffers a connection keeps for reuse
)

// A buffers is a connection's own pool of the buffers that batches are made of.
// gRPC's pool has no size between 32 KiB and 1 MiB and clears what it hands out.
// It is safe for concurrent use.
type buffers struct {
	out   atomic.Int64 // bytes sent but not yet written to the network
	mu    sync.Mutex
	small []*[]byte
	large []*[]byte
}

// get returns an empty buffer with room for n bytes, at most largeBuffer.
func (p *buffers) get(n int) *[]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	free, size := &p.small, smallBuffer
	if n > smallBuffer {
		free, size = &p.large, largeBuffer
	}
	if last := len(*free) - 1; last >= 0 {
		b := (*free)[last]
		*free = (*free)[:last]
		return b
	}
	b := make([]byte, 0, size)
	return &b
}

// Get returns a buffer of n bytes. It makes buffers a mem.BufferPool.
func (p *buffers) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Put takes back a buffer that has been written.
func (p *buffers) Put(b *[]byte) {
	p.out.Add(-int64(len(*b)))
	*b = (*b)[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	free := &p.small
	if cap(*b) > smallBuffer {
		free = &p.large
	}
	if len(*free) < keepBuffers {
		*free = append(*free, b)
	}
}
