package wasm

import (
	"math"
	"testing"
)

func TestNumbersRoundTrip(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 300, 1<<32 - 1, 1 << 32, math.MaxUint64} {
		b := AppendUint(nil, v)
		r := &reader{b: b, end: len(b)}
		if got := r.unsigned(64); got != v || r.err != nil || r.more() {
			t.Errorf("%d came back as %d, %v", v, got, r.err)
		}
	}
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 31, -1 << 31, math.MaxInt64, math.MinInt64} {
		b := AppendInt(nil, v)
		r := &reader{b: b, end: len(b)}
		if got := r.signed(64); got != v || r.err != nil || r.more() {
			t.Errorf("%d came back as %d, %v", v, got, r.err)
		}
	}
}

func TestNumbersAreStrict(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		read func(*reader)
		ok   bool
	}{
		{"u32, largest", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, func(r *reader) { r.u32() }, true},
		{"u32, padded", []byte{0x80, 0x80, 0x80, 0x80, 0x00}, func(r *reader) { r.u32() }, true},
		{"u32, bit 33", []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, func(r *reader) { r.u32() }, false},
		{"u32, six bytes", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, func(r *reader) { r.u32() }, false},
		{"u32, cut short", []byte{0x80}, func(r *reader) { r.u32() }, false},
		{"s32, least", []byte{0x80, 0x80, 0x80, 0x80, 0x78}, func(r *reader) { r.signed(32) }, true},
		{"s32, -1 padded", []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, func(r *reader) { r.signed(32) }, true},
		{"s32, sign not repeated", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, func(r *reader) { r.signed(32) }, false},
		{"s33, a type", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, func(r *reader) { r.signed(33) }, true},
		{"s64, least", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, func(r *reader) { r.signed(64) }, true},
		{"s64, too large", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, func(r *reader) { r.signed(64) }, false},
	} {
		r := &reader{b: c.b, end: len(c.b)}
		c.read(r)
		if ok := r.err == nil && !r.more(); ok != c.ok {
			t.Errorf("%s: %v, %d of %d bytes read", c.name, r.err, r.p, r.end)
		}
	}
}

func TestFirstFaultSticks(t *testing.T) {
	r := &reader{b: []byte{1, 2}, end: 2}
	r.bytes(3)
	first := r.err
	if r.byte() != 0 || r.u32() != 0 || r.signed(64) != 0 || r.name() != "" || r.count("things", 9) != 0 || r.err != first {
		t.Errorf("after a fault: %v", r.err)
	}
}
