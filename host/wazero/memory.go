package wazero

import (
	"sync/atomic"

	"amino.run/abi"
	"amino.run/host"
	"github.com/tetratelabs/wazero/experimental"
)

// memory is the linear memory of one instance, and its own allocator.
type memory struct {
	limit   uint64         // bytes
	first   uint64         // bytes it begins with, if that is more than the module's own
	size    *atomic.Uint64 // told of every change
	refused bool           // an allocation was refused since this was last cleared
	lost    error          // the host had no memory, likewise
	buf     []byte
	file    file  // that buf is mapped from; nil of most
	view    *file // that buf is mapped from privately; nil of most
}

// Allocate implements experimental.MemoryAllocator.
func (m *memory) Allocate(uint64, uint64) experimental.LinearMemory { return m }

// Reallocate implements experimental.LinearMemory. nil makes memory.grow answer -1.
func (m *memory) Reallocate(size uint64) []byte {
	if m.buf == nil {
		size = max(size, m.first)
	}
	if size > m.limit {
		m.refused = true
		return nil
	}
	if size > uint64(cap(m.buf)) || m.buf == nil {
		room := max(size, min(m.limit, 2*uint64(cap(m.buf))), host.PageSize)
		grown, err := m.remap(room)
		if err != nil {
			m.lost = err
			return nil
		}
		m.buf = grown
	}
	m.buf = m.buf[:size]
	m.size.Store(size)
	return m.buf
}

// exhausted is the error of a call that found the host without memory. The guest
// may have coped; elsewhere it would not have had to, so the call is undone.
func (m *memory) exhausted() *abi.Error {
	return abi.Errorf(abi.MemoryLimit, "the kernel's machine has no memory for the guest: %v", m.lost)
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() {
	m.unmap()
	m.buf = nil
}
