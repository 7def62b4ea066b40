package mux

import (
	"syscall"
	"unsafe"
)

// writeSome writes what it can of p to a socket that does not block.
//
// It is a few microseconds of the kernel's time in which there is nothing to wait
// for, so the scheduler is not told of it: it would take the thread for stuck and
// have another one do its work.
func writeSome(fd int, p []byte) int {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if err != 0 {
		return 0
	}
	return int(n)
}
