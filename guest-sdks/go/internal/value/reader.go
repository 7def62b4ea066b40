package value

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

var (
	errShort     = errors.New("broken CBOR: cut short")
	errMalformed = errors.New("broken CBOR: reserved bits")
	errBreak     = errors.New("broken CBOR: a break where a value should be")
	errRange     = errors.New("integer below -2^63")
)

// An item is the head of one data item: RFC 8949, section 3.
type item struct {
	major      byte
	info       byte   // the low five bits of the first byte
	arg        uint64 // argument, length, or bits of a float
	indefinite bool
}

// A Reader reads the values of a buffer, one after the other.
type Reader struct {
	b     []byte
	off   int
	depth int
}

// NewReader returns a reader of b, which it keeps.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Reset makes the reader read b from the start.
func (r *Reader) Reset(b []byte) { *r = Reader{b: b} }

// Done returns an error if bytes are left.
func (r *Reader) Done() error {
	if n := len(r.b) - r.off; n > 0 {
		return errors.New("broken CBOR: " + strconv.Itoa(n) + " bytes after the value")
	}
	return nil
}

// head reads the head of the next item as it is.
func (r *Reader) head() (it item, err error) {
	if r.off >= len(r.b) {
		return it, errShort
	}
	first := r.b[r.off]
	r.off++
	it.major, it.info = first>>5, first&0x1f
	rest := r.b[r.off:]
	switch {
	case it.info < 24:
		it.arg = uint64(it.info)
	case it.info < 28:
		n := 1 << (it.info - 24)
		if len(rest) < n {
			return it, errShort
		}
		r.off += n
		switch n {
		case 1:
			it.arg = uint64(rest[0])
		case 2:
			it.arg = uint64(binary.BigEndian.Uint16(rest))
		case 4:
			it.arg = uint64(binary.BigEndian.Uint32(rest))
		case 8:
			it.arg = binary.BigEndian.Uint64(rest)
		}
	case it.info == 31 && it.major >= majorBytes && it.major <= majorMap:
		it.indefinite = true
	case it.info == 31 && it.major == majorSimple:
		return it, errBreak
	default:
		return it, errMalformed
	}
	if it.major == majorSimple && it.info == 24 && it.arg < 32 {
		return it, errMalformed
	}
	if it.major == majorNegative && it.arg > math.MaxInt64 {
		return it, errRange
	}
	return it, nil
}

// next reads the head of the next item that is not a tag. Tag 0 and 1 in front
// of it are told as time.
func (r *Reader) next() (it item, time bool, err error) {
	for range MaxDepth {
		if it, err = r.head(); err != nil || it.major != majorTag {
			return it, time, err
		}
		time = it.arg <= 1
	}
	return it, time, errDepth
}

// peek returns the first byte of the next item, tags left out.
func (r *Reader) peek() (byte, error) {
	before := r.off
	it, _, err := r.next()
	r.off = before
	return it.major<<5 | it.info, err
}

// atBreak reports whether the next byte ends an indefinite length, and skips it.
func (r *Reader) atBreak() bool {
	if r.off < len(r.b) && r.b[r.off] == 0xff {
		r.off++
		return true
	}
	return false
}

// enter begins an array or map; leave ends it.
func (r *Reader) enter() error {
	if r.depth++; r.depth > MaxDepth {
		return errDepth
	}
	return nil
}

func (r *Reader) leave() { r.depth-- }

// each calls f for every entry of an array or map whose head is it. An entry
// takes at least size bytes, which bounds what a length may promise.
func (r *Reader) each(it item, size int, f func(i int) error) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	if !it.indefinite && it.arg > uint64(len(r.b)-r.off)/uint64(size) {
		return errShort
	}
	for i := 0; it.indefinite || uint64(i) < it.arg; i++ {
		if it.indefinite && r.atBreak() {
			return nil
		}
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

// span returns the bytes of text or bytes whose head is it. They alias the
// buffer unless the length was indefinite.
func (r *Reader) span(it item) ([]byte, error) {
	if !it.indefinite {
		if it.arg > uint64(len(r.b)-r.off) {
			return nil, errShort
		}
		s := r.b[r.off : r.off+int(it.arg)]
		r.off += int(it.arg)
		if it.major == majorText && !utf8.Valid(s) {
			return nil, errUTF8
		}
		return s, nil
	}
	all := []byte{}
	for !r.atBreak() {
		chunk, err := r.head()
		if err != nil {
			return nil, err
		}
		if chunk.major != it.major || chunk.indefinite {
			return nil, errMalformed
		}
		s, err := r.span(chunk)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return all, nil
}

// skip reads the next value and forgets it. It is checked for its form alone.
func (r *Reader) skip() error {
	it, _, err := r.next()
	if err != nil {
		return err
	}
	switch it.major {
	case majorBytes, majorText:
		_, err = r.span(it)
	case majorArray:
		err = r.each(it, 1, func(int) error { return r.skip() })
	case majorMap:
		err = r.each(it, 2, func(int) error {
			if err := r.skip(); err != nil {
				return err
			}
			return r.skip()
		})
	}
	return err
}

// float returns the value of a float's head.
func (it item) float() float64 {
	switch it.info {
	case 25:
		return fromHalf(uint16(it.arg))
	case 26:
		return float64(math.Float32frombits(uint32(it.arg)))
	}
	return math.Float64frombits(it.arg)
}

// simple values, as the info of major type 7.
const (
	infoFalse     = 20
	infoTrue      = 21
	infoNull      = 22
	infoUndefined = 23
)

func (it item) isFloat() bool { return it.major == majorSimple && it.info >= 25 }
func (it item) isBool() bool {
	return it.major == majorSimple && (it.info == infoFalse || it.info == infoTrue)
}
func (it item) isNull() bool {
	return it.major == majorSimple && (it.info == infoNull || it.info == infoUndefined)
}

// kind names what an item is, for messages.
func (it item) kind() string {
	switch it.major {
	case majorUint, majorNegative:
		return "an integer"
	case majorBytes:
		return "bytes"
	case majorText:
		return "text"
	case majorArray:
		return "an array"
	case majorMap:
		return "a map"
	}
	switch {
	case it.isBool():
		return "a bool"
	case it.isNull():
		return "null"
	case it.isFloat():
		return "a float"
	}
	return "simple value " + strconv.Itoa(int(it.arg))
}
