//go:build !linux

package wazero

// A file is nothing here: views copy.
type file struct{}

// remap returns n bytes that begin with those of buf; the rest is zero.
func (m *memory) remap(n uint64) ([]byte, error) {
	grown := make([]byte, n)
	copy(grown, m.buf)
	return grown, nil
}

// unmap leaves memory to the garbage collector.
func (m *memory) unmap() {}

// share returns nil: a view has to copy.
func (m *memory) share() (*file, error) { return nil, nil }

// forget is not called.
func (m *memory) forget() error { return nil }
