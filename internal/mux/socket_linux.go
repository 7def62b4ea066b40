package mux

import (
	"net"
	"syscall"
	"unsafe"
)

const (
	notSentLowat = 25        // TCP_NOTSENT_LOWAT of tcp(7)
	maxUnsent    = 256 << 10 // bytes in the kernel that are not on the network yet
)

// tune keeps the queue in the kernel short: what waits there cannot be overtaken, and
// on a slow network megabytes of a large body would.
func tune(nc net.Conn) {
	sc, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // without it all works, less well
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, notSentLowat, maxUnsent)
	})
}

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
