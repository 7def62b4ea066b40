package mux

// An inBody puts a fragmented body together. It grows with what has come, not
// with what was announced, so an announcement costs a peer as much as it costs us.
type inBody struct {
	buf  []byte
	left int  // bytes still to come; 0 if no body is under way
	drop bool // too long: the bytes are only counted
}

// begin starts a body with the fragment that announced its length.
func (b *inBody) begin(f *frame, limit int) {
	*b = inBody{left: f.total, drop: f.total > limit}
	b.add(f.body)
}

// add appends a fragment. It reports false if the body would be longer than announced.
func (b *inBody) add(p []byte) bool {
	if len(p) > b.left {
		return false
	}
	b.left -= len(p)
	if b.drop {
		return true
	}
	if n := len(b.buf) + len(p); n > cap(b.buf) {
		grown := make([]byte, len(b.buf), min(max(2*n, 1<<20), n+b.left))
		copy(grown, b.buf)
		b.buf = grown
	}
	b.buf = append(b.buf, p...)
	return true
}

// take returns the whole body and is ready for the next.
func (b *inBody) take() []byte {
	buf := b.buf
	*b = inBody{}
	return buf
}
