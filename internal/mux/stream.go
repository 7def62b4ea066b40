package mux

// A stream carries messages to one peer and back, in order. One goroutine at a
// time calls send, one at a time recv; abort may be called by any, at any time,
// and makes both fail.
type stream interface {
	// send sends the buffers as one message. It takes them over and puts them
	// back in pool when they have been written, but not the slice that holds
	// them. It may wait for the network.
	send(batch []*[]byte, pool *buffers) error
	// recv returns the next message, which is valid until the next recv.
	recv() ([]byte, error)
	abort()
}
