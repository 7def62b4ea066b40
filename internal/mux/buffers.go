package mux

import (
	"sync"
	"sync/atomic"
)

const (
	keepBuffers = 4         // buffers a stream keeps for reuse
	keepSize    = 256 << 10 // bytes of the largest buffer that is kept
)

// A buffers is a stream's own pool of batches. gRPC's pool has no size between
// 32 KiB and 1 MiB and clears what it hands out. It is safe for concurrent use.
type buffers struct {
	out  atomic.Int64 // bytes of the batches sent but not yet written to the network
	mu   sync.Mutex
	free []*[]byte
}

// get returns an empty batch.
func (p *buffers) get() *[]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	b := make([]byte, 0, 4<<10)
	return &b
}

// Get returns a buffer of n bytes. It makes buffers a mem.BufferPool.
func (p *buffers) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Put takes back a batch that has been written.
func (p *buffers) Put(b *[]byte) {
	p.out.Add(-int64(len(*b)))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < keepBuffers && cap(*b) <= keepSize {
		*b = (*b)[:0]
		p.free = append(p.free, b)
	}
}
