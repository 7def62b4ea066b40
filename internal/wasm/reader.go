package wasm

import (
	"fmt"
	"unicode/utf8"
)

// A reader walks the bytes [p, end) of a module. The first fault sticks: every
// read after it returns zero, so that callers look at err once per item.
type reader struct {
	b      []byte
	p, end int
	err    error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.p = r.end
	}
}

func (r *reader) truncated() {
	r.fail("the file is cut short at byte %d", r.end)
}

// more reports whether bytes are left.
func (r *reader) more() bool { return r.err == nil && r.p < r.end }

func (r *reader) byte() byte {
	if r.p >= r.end {
		r.truncated()
		return 0
	}
	c := r.b[r.p]
	r.p++
	return c
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	if r.p < r.end && r.b[r.p] < 0x80 { // one byte is the usual case
		r.p++
		return uint32(r.b[r.p-1])
	}
	return uint32(r.unsigned(32))
}

func (r *reader) unsigned(bits uint) uint64 {
	var v uint64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		if left := bits - shift; left < 7 && c>>left != 0 {
			r.fail("a number at byte %d has more than %d bits", r.p-1, bits)
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail("a number at byte %d is too long", r.p-1)
	return 0
}

// signed reads a signed LEB128 number of 32, 33 or 64 bits.
func (r *reader) signed(bits uint) int64 {
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if left := bits - shift; left < 7 {
			// The bits above must repeat the sign, and no byte may follow.
			if top := int8(c<<1) >> left; c >= 0x80 || top != 0 && top != -1 {
				r.fail("a number at byte %d has more than %d bits", r.p-1, bits)
				return 0
			}
		}
		if c < 0x80 {
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.fail("a number at byte %d is too long", r.p-1)
	return 0
}

// bytes returns the next n bytes; they alias the module.
func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(r.end-r.p) {
		r.truncated()
		return nil
	}
	s := r.b[r.p : r.p+int(n)]
	r.p += int(n)
	return s
}

func (r *reader) name() string {
	s := r.bytes(r.u32())
	if len(s) > maxName {
		r.fail("a name of %d bytes; the limit is %d", len(s), maxName)
		return ""
	}
	if !utf8.Valid(s) {
		r.fail("a name at byte %d is not UTF-8", r.p-len(s))
		return ""
	}
	return string(s)
}

// count reads the length of a vector whose items have at least one byte each.
func (r *reader) count(what string, limit int) int {
	n := r.u32()
	if uint64(n) > uint64(limit) {
		r.fail("%d %s; the limit is %d", n, what, limit)
		return 0
	}
	if int(n) > r.end-r.p {
		r.fail("%d %s announced where %d bytes are left", n, what, r.end-r.p)
		return 0
	}
	return int(n)
}

// sub returns a reader of the next n bytes, which r skips.
func (r *reader) sub(n uint32) *reader {
	if uint64(n) > uint64(r.end-r.p) {
		r.fail("%d bytes announced where %d are left: the file is cut short", n, r.end-r.p)
		return &reader{err: r.err}
	}
	s := &reader{b: r.b, p: r.p, end: r.p + int(n)}
	r.p += int(n)
	return s
}

// done records in r the fault of a reader made by sub, or bytes it left over.
func (r *reader) done(s *reader, what string) {
	if s.err == nil && s.p != s.end {
		s.fail("%d bytes left over", s.end-s.p)
	}
	if s.err != nil && r.err == nil {
		r.fail("%s: %w", what, s.err)
	}
}
