package abi

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// The major types of RFC 8949, section 3.1.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// The additional information and simple values that mean something to us.
const (
	infoHalf       = 25
	infoSingle     = 26
	infoDouble     = 27
	infoIndefinite = 31

	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23

	tagTimeText    = 0
	tagTimeSeconds = 1
	tagBignum      = 2
	tagNegBignum   = 3
)

// An item is the head of a data item: RFC 8949, section 3.
type item struct {
	major, info byte
	arg         uint64
}

func (it item) indefinite() bool { return it.info == infoIndefinite }

func (it item) null() bool {
	return it.major == majorSimple && it.info < infoHalf && (it.arg == simpleNull || it.arg == simpleUndefined)
}

func (it item) bool() bool {
	return it.major == majorSimple && it.info < infoHalf && (it.arg == simpleTrue || it.arg == simpleFalse)
}

func (it item) float() bool {
	return it.major == majorSimple && it.info >= infoHalf && it.info <= infoDouble
}

// value returns the float that it is.
func (it item) value() float64 {
	switch it.info {
	case infoHalf:
		return halfFloat(uint16(it.arg))
	case infoSingle:
		return float64(math.Float32frombits(uint32(it.arg)))
	}
	return math.Float64frombits(it.arg)
}

// halfFloat widens a half-precision float: RFC 8949, appendix D.
func halfFloat(h uint16) float64 {
	exp, mant := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		if f = math.Inf(1); mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if h&0x8000 != 0 {
		return math.Copysign(f, -1)
	}
	return f
}

// negative writes -1-arg, which may need 65 bits.
func (it item) negative() string {
	if it.arg == math.MaxUint64 {
		return "-18446744073709551616"
	}
	return "-" + strconv.FormatUint(it.arg+1, 10)
}

// A reader reads items from the front of a value. The value must be
// Wellformed, so its methods do not fail.
type reader struct{ b []byte }

// head reads the next head, with the argument of floats and simple values too.
func (r *reader) head() item {
	it := item{major: r.b[0] >> 5, info: r.b[0] & 0x1f}
	size := 0
	switch {
	case it.info < 24:
		it.arg = uint64(it.info)
	case it.info == 24:
		size, it.arg = 1, uint64(r.b[1])
	case it.info == 25:
		size, it.arg = 2, uint64(binary.BigEndian.Uint16(r.b[1:]))
	case it.info == 26:
		size, it.arg = 4, uint64(binary.BigEndian.Uint32(r.b[1:]))
	case it.info == 27:
		size, it.arg = 8, binary.BigEndian.Uint64(r.b[1:])
	}
	r.b = r.b[1+size:]
	return it
}

// untagged reads the next head behind all tags we do not know.
func (r *reader) untagged() item {
	for {
		it := r.head()
		if it.major != majorTag || it.arg <= tagNegBignum {
			return it
		}
	}
}

// done reports whether no element i of it is left, and reads the break that says so.
func (r *reader) done(it item, i uint64) bool {
	if !it.indefinite() {
		return i == it.arg
	}
	if r.b[0] != 0xff {
		return false
	}
	r.b = r.b[1:]
	return true
}

// content returns the bytes of a byte or text string, its chunks joined. It
// aliases the value if there is one chunk.
func (r *reader) content(it item) []byte {
	if !it.indefinite() {
		s := r.b[:it.arg]
		r.b = r.b[it.arg:]
		return s
	}
	var s []byte
	for i := uint64(0); !r.done(it, i); i++ {
		s = append(s, r.content(r.head())...)
	}
	return s
}

// skip reads the rest of the item whose head is it.
func (r *reader) skip(it item) {
	switch it.major {
	case majorBytes, majorText:
		r.content(it)
	case majorArray:
		for i := uint64(0); !r.done(it, i); i++ {
			r.skip(r.head())
		}
	case majorMap:
		for i := uint64(0); !r.done(it, i); i++ {
			r.skip(r.head())
			r.skip(r.head())
		}
	case majorTag:
		r.skip(r.head())
	}
}

// count returns the number of elements of an array whose head is it.
func (r reader) count(it item) (n uint64) {
	if !it.indefinite() {
		return it.arg
	}
	for ; !r.done(it, n); n++ {
		r.skip(r.head())
	}
	return n
}

// time reads the content of the tag whose head is it; ok is false if that is
// no instant of the years 0 to 9999. Seconds are read to the microsecond.
func (r *reader) time(it item) (t time.Time, ok bool) {
	c := r.head()
	switch {
	case it.arg == tagTimeText && c.major == majorText:
		return parseTime(string(r.content(c)))
	case it.arg == tagTimeSeconds && c.major == majorUint && c.arg <= maxSeconds:
		return time.Unix(int64(c.arg), 0).UTC(), true
	case it.arg == tagTimeSeconds && c.major == majorNegative && c.arg < -minSeconds:
		return time.Unix(-1-int64(c.arg), 0).UTC(), true
	case it.arg == tagTimeSeconds && c.float() && c.value() >= minSeconds && c.value() <= maxSeconds:
		return time.UnixMicro(int64(math.Round(c.value() * 1e6))).UTC(), true
	}
	r.skip(c)
	return t, false
}

// parseTime reads RFC 3339 as an instant of the years 0 to 9999, in UTC.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	t = t.UTC()
	return t, err == nil && t.Unix() >= minSeconds && t.Unix() <= maxSeconds
}

// The first second of the year 0 and the last of 9999, since 1970.
const minSeconds, maxSeconds = -62167219200, 253402300799
