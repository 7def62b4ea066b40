//go:build unix && !linux

package mux

import "syscall"

// writeSome writes what it can of p to a socket that does not block.
func writeSome(fd int, p []byte) int {
	n, _ := syscall.Write(fd, p)
	return max(n, 0)
}
