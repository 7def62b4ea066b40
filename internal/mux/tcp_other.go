//go:build !unix

package mux

import "net"

// trier returns nil: here nothing is known to write without waiting.
func trier(net.Conn) func(p []byte) int { return nil }

// tune does nothing: Linux alone is known to need it.
func tune(net.Conn) {}
