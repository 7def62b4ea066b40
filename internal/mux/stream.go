package mux

// A stream carries messages to one peer and back, in order. One goroutine at a
// time calls send, one at a time recv; abort may be called by any, at any time,
// and makes both fail.
type stream interface {
	// send takes b over and puts it back in pool when it has been written. It
	// may wait for the network.
	send(b *[]byte, pool *buffers) error
	// recv returns the next message, which is valid until the next recv.
	recv() ([]byte, error)
	abort()
}
