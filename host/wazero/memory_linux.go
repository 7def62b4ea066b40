package wazero

import (
	"unsafe"

	"amino.run/host"
	"golang.org/x/sys/unix"
)

// A file, of no name and in memory, is what a memory is mapped from once it has views.
// They map it, too, but privately: they see what is written to the memory until they
// write to a page, and then they have that page for themselves.
type file struct {
	fd   int // 0 is none
	size uint64
}

// extend makes the file as large as n bytes at least.
func (f *file) extend(n uint64) error {
	if f.fd == 0 || n <= f.size {
		return nil
	}
	if err := unix.Ftruncate(f.fd, int64(n)); err != nil {
		return err
	}
	f.size = n
	return nil
}

const access = unix.PROT_READ | unix.PROT_WRITE

// remap returns n bytes, at least as many as there are, that begin with those of
// buf, whose memory is given back; the rest is zero. The pages move without being
// copied, and what nobody touches takes no space.
func (m *memory) remap(n uint64) ([]byte, error) {
	f := &m.file
	if m.view != nil {
		f = m.view
	}
	if err := f.extend(n); err != nil {
		return nil, err
	}
	switch {
	case m.buf != nil:
		return unix.Mremap(m.buf[:cap(m.buf)], int(n), unix.MREMAP_MAYMOVE)
	case m.view != nil:
		return unix.Mmap(f.fd, 0, int(n), access, unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	}
	return unix.Mmap(-1, 0, int(n), access, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
}

// unmap gives memory back. Whoever touches it then crashes the process.
func (m *memory) unmap() {
	if m.buf != nil {
		unix.Munmap(m.buf[:cap(m.buf)])
	}
	if m.file.fd > 0 {
		unix.Close(m.file.fd)
		m.file = file{}
	}
}

// share returns the file of a memory, to be mapped by a view. At first use the
// memory is put into it, and mapped from it at the address it had.
func (m *memory) share() (*file, error) {
	if m.file.fd > 0 {
		return &m.file, nil
	}
	fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := m.moveTo(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	m.file = file{fd, uint64(cap(m.buf))}
	return &m.file, nil
}

func (m *memory) moveTo(fd int) error {
	n := cap(m.buf)
	if err := unix.Ftruncate(fd, int64(n)); err != nil {
		return err
	}
	mem, err := unix.Mmap(fd, 0, n, access, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	host.Capture("", m.buf, nil, 0, nil).CopyTo(mem, true) // only what is not zero
	if err := unix.Munmap(mem); err != nil {
		return err
	}
	_, err = unix.MmapPtr(fd, 0, unsafe.Pointer(unsafe.SliceData(m.buf)), uintptr(n), access, unix.MAP_SHARED|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

// forget gives up the pages that a view has for itself.
func (m *memory) forget() error { return unix.Madvise(m.buf[:cap(m.buf)], unix.MADV_DONTNEED) }
