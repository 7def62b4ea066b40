//go:build unix && !linux

package mux

import (
	"net"
	"syscall"
)

// tune does nothing: Linux alone is known to need it.
func tune(net.Conn) {}

// writeSome writes what it can of p to a socket that does not block.
func writeSome(fd int, p []byte) int {
	n, _ := syscall.Write(fd, p)
	return max(n, 0)
}
