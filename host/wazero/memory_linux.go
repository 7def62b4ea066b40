package wazero

import "golang.org/x/sys/unix"

// remap returns memory of n bytes that begins with the bytes of old, whose
// memory is given back; the rest is zero. The pages move without being copied, and
// what nobody touches takes no space.
//
// Memory that maps an image copy-on-write goes here.
func remap(old []byte, n uint64) ([]byte, error) {
	if old == nil {
		return unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	}
	return unix.Mremap(old[:cap(old)], int(n), unix.MREMAP_MAYMOVE)
}

// unmap gives memory back. Whoever touches it then crashes the process.
func unmap(b []byte) {
	if b != nil {
		unix.Munmap(b[:cap(b)])
	}
}
