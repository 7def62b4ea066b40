package mux

import "io"

const (
	smallInbox = 4 << 10               // bytes; all that a quiet connection needs
	largeInbox = 2*maxFragment + 4<<10 // holds any frame, and many small ones
)

// An inbox holds the bytes that have come from the peer and are no frame yet.
type inbox struct {
	r    io.Reader
	buf  []byte
	n    int  // bytes of buf in use
	full bool // the last read filled buf: the peer has more to say
}

// fill reads what there is, at least one byte, and returns all that is held. It
// is valid until the next fill.
func (in *inbox) fill() ([]byte, error) {
	if in.buf == nil || in.full && len(in.buf) < largeInbox {
		grown := make([]byte, min(max(2*len(in.buf), smallInbox), largeInbox))
		copy(grown, in.buf[:in.n])
		in.buf = grown
	}
	n, err := in.r.Read(in.buf[in.n:])
	in.n += n
	in.full = in.n == len(in.buf)
	if n > 0 {
		err = nil // it comes again
	}
	return in.buf[:in.n], err
}

// keep holds on to rest, the end of what fill returned, which is the beginning of
// a frame.
func (in *inbox) keep(rest []byte) { in.n = copy(in.buf, rest) }
