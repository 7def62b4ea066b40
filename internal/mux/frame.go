package mux

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

const (
	maxFragment = 64 << 10 // bytes of body in one frame, at most
	maxHead     = 32       // bytes of a frame but its body, at most
)

// A kind says what a frame is.
type kind uint8

const (
	kindRequest     kind = 1 + iota // id, timeout, body
	kindRequestPart                 // id, body: the next fragment of a request
	kindReply                       // id, body
	kindReplyPart                   // id, body: the next fragment of a reply
	kindFail                        // id, code, state, message
	kindCancel                      // id
	kindPing
	kindPong
	kindBye
	numKinds

	fragmented kind = 0x80 // set in a request or reply whose body goes on in parts
)

// A frame is one unit of the stream. On the wire it is the kind, then as uvarints
// the id, the timeout in microseconds (requests; 0 is none) and the whole
// body's length (fragmented bodies), then code and state (failures), the
// length of the body and the body.
type frame struct {
	kind        kind
	id          uint32
	timeout     time.Duration // of a request: how long the caller waits; 0 is forever
	total       int           // of a fragmented body; else 0
	code, state uint8         // of a failure: see abi.Error
	body        []byte        // aliases the inbox
}

var (
	errFrame = errors.New("malformed frame")
	errShort = errors.New("the beginning of a frame")
)

// hasID reports whether frames of the kind belong to a call.
func (k kind) hasID() bool { return k < kindPing }

// append appends the frame's head, announcing n bytes of body.
func (f *frame) append(b []byte, n int) []byte {
	k := f.kind
	if f.total > 0 {
		k |= fragmented
	}
	b = append(b, byte(k))
	if !f.kind.hasID() {
		return b
	}
	b = binary.AppendUvarint(b, uint64(f.id))
	switch f.kind {
	case kindCancel:
		return b
	case kindRequest:
		b = binary.AppendUvarint(b, uint64((f.timeout+time.Microsecond-1)/time.Microsecond))
	case kindFail:
		b = append(b, f.code, f.state)
	}
	if f.total > 0 {
		b = binary.AppendUvarint(b, uint64(f.total))
	}
	return binary.AppendUvarint(b, uint64(n))
}

// parseFrame reads the first frame of b, which is not empty, and returns what
// follows it. The error is errShort if b is the beginning of one.
func parseFrame(b []byte) (f frame, rest []byte, err error) {
	f.kind = kind(b[0])
	part := f.kind&fragmented != 0
	f.kind &^= fragmented
	if f.kind == 0 || f.kind >= numKinds || part && f.kind != kindRequest && f.kind != kindReply {
		return f, nil, errFrame
	}
	r := reader{b: b[1:]}
	if !f.kind.hasID() {
		return f, r.b, nil
	}
	f.id = uint32(r.uvarint(math.MaxUint32))
	switch f.kind {
	case kindCancel:
		return f, r.b, r.err
	case kindRequest:
		f.timeout = time.Duration(r.uvarint(math.MaxInt64/1000)) * time.Microsecond
	case kindFail:
		f.code, f.state = r.byte(), r.byte()
	}
	if part {
		f.total = int(r.uvarint(math.MaxInt32))
	}
	f.body = r.bytes(int(r.uvarint(maxFragment)))
	if r.err == nil && part && f.total <= len(f.body) {
		return f, nil, errFrame
	}
	return f, r.b, r.err
}

// A reader takes values off the front of b. After an error they are all zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) uvarint(limit uint64) uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // the usual case
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit {
		r.fail(n == 0)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail(true)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fail(short bool) {
	r.b = nil
	switch {
	case r.err != nil:
	case short:
		r.err = errShort
	default:
		r.err = errFrame
	}
}
