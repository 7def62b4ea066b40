//go:build unix

package mux

import "net"

// maxTry is how many bytes are written at a time without waiting: the goroutine is
// not to be interrupted meanwhile.
const maxTry = 128 << 10

// trier returns a function that writes what of p it can without waiting and
// returns how much that was, or nil if nc cannot do so. After an error it is 0;
// Write says which.
func trier(nc net.Conn) func(p []byte) int {
	sc, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	var p []byte
	var n int
	once := func(fd uintptr) bool {
		n = writeSome(int(fd), p)
		return true
	}
	return func(b []byte) int {
		p, n = b[:min(len(b), maxTry)], 0
		if raw.Write(once) != nil {
			return 0
		}
		p = nil
		return n
	}
}
