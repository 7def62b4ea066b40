package abi

import "encoding/binary"

// MaxFrame is the largest frame that crosses the wall, in bytes.
const MaxFrame = 64 << 20

// A Kind says what a frame addresses.
type Kind uint8

// The kinds. Constructor is used in call frames, Verb in request frames.
const (
	Method      Kind = 0
	Constructor Kind = 1
	Verb        Kind = 1
)

// ReadOnlyFlag is set in a call frame whose method is held to be readonly.
const ReadOnlyFlag = 1

// maxName is the longest name that a frame's header can tell, in bytes.
const maxName = 1<<16 - 1

// CallFrameSize returns the length of the frame that AppendCall appends.
func CallFrameSize(method string, args []byte) int {
	return 4 + min(len(method), maxName) + max(len(args), 1)
}

// AppendCall appends a call frame to b: what amino_invoke is given. Empty args
// mean an empty array. A name of more than 65,535 bytes is cut, and names no method.
func AppendCall(b []byte, kind Kind, flags uint8, method string, args []byte) []byte {
	method = method[:min(len(method), maxName)]
	b = append(b, byte(kind), flags)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(method)))
	b = append(b, method...)
	if len(args) == 0 {
		return append(b, 0x80)
	}
	return append(b, args...)
}

// A Request is what a guest asks of another microservice through the import invoke.
type Request struct {
	Kind   Kind
	Target string // the name of a microservice
	Name   string // of a method or verb
	Args   []byte // aliases the frame
}

// ParseRequest reads a request frame. It returns an error of code BadArgument
// if the frame is cut short.
func ParseRequest(b []byte) (r Request, err error) {
	if len(b) < 6 {
		return r, Errorf(BadArgument, "request frame of %d bytes: the header has 6", len(b))
	}
	t, n := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:]))
	if len(b) < 6+t+n {
		return r, Errorf(BadArgument, "request frame of %d bytes: its names alone have %d", len(b), t+n)
	}
	if b[0] > 1 {
		return r, Errorf(BadArgument, "request frame of kind %d: only 0 (method) and 1 (verb) are known", b[0])
	}
	return Request{Kind(b[0]), string(b[6 : 6+t]), string(b[6+t : 6+t+n]), b[6+t+n:]}, nil
}

// AppendReply appends a reply frame to b: the value if err is nil, else the error.
func AppendReply(b []byte, value []byte, err error) []byte {
	if err != nil {
		e := AsError(err)
		if e.Code == OK { // would read as success
			e = &Error{Code: Internal, Msg: e.Msg}
		}
		b = append(b, byte(e.Code), byte(e.State))
		return append(b, e.Error()...)
	}
	return append(append(b, 0, 0), value...)
}

// ParseReply reads a reply frame. The value aliases b; an empty one is null.
// A frame that breaks the ABI is an error of code BadReply.
func ParseReply(b []byte) ([]byte, error) {
	if len(b) < 2 {
		return nil, Errorf(BadReply, "reply frame of %d bytes: the header has 2", len(b))
	}
	if Code(b[0]) == OK {
		return b[2:], nil
	}
	return nil, &Error{Code: Code(b[0]), State: State(b[1]), Msg: string(b[2:])}
}
