package amino

import (
	"encoding/binary"
	"errors"
)

// The kinds of a call frame and of a request frame.
const (
	kindMethod      = 0
	kindConstructor = 1 // in a call frame
	kindVerb        = 1 // in a request frame
)

// parseCall reads a call frame. Both results alias it.
func parseCall(frame []byte) (kind byte, method, args []byte, err error) {
	if len(frame) < 4 {
		return 0, nil, nil, &Error{BadArgument, "call frame cut short"}
	}
	n := int(binary.LittleEndian.Uint16(frame[2:]))
	if len(frame) < 4+n {
		return 0, nil, nil, &Error{BadArgument, "call frame cut short"}
	}
	return frame[0], frame[4 : 4+n], frame[4+n:], nil
}

// appendRequest appends the head of a request frame; the arguments follow.
func appendRequest(b []byte, kind byte, target, name string) ([]byte, error) {
	if len(target) > 0xffff || len(name) > 0xffff {
		return b, &Error{BadArgument, "a name longer than 65535 bytes"}
	}
	b = append(b, kind, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(target)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	return append(append(b, target...), name...), nil
}

// appendError appends the reply frame of an error.
func appendError(b []byte, err error) []byte {
	return append(append(b, byte(CodeOf(err)), 0), err.Error()...)
}

// parseReply returns the value of a reply frame, or its error.
func parseReply(frame []byte) ([]byte, error) {
	if len(frame) < 2 {
		return nil, errors.New("reply frame cut short")
	}
	if frame[0] != 0 {
		return nil, &Error{Code(frame[0]), string(frame[2:])}
	}
	return frame[2:], nil
}
