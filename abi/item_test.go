package abi

import (
	"bytes"
	"testing"
	"time"
)

// TestReaderReadsAll: over every well-formed vector, skip reads exactly the item,
// and what follows is still there.
func TestReaderReadsAll(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Read == "no" {
			continue
		}
		r := reader{append(unhex(t, v.Hex), "rest"...)}
		r.skip(r.head())
		if string(r.b) != "rest" {
			t.Errorf("%s: %x is left", v.Hex, r.b)
		}
	}
}

func TestReaderCount(t *testing.T) {
	for in, want := range map[string]uint64{
		"80": 0, "8101": 1, "9fff": 0, "9f01820203a0ff": 3, "9f5f4101ff7f60ffff": 2, "83c100d903e8010a": 3,
	} {
		r := reader{unhex(t, in)}
		array := r.head()
		before := len(r.b)
		if got := r.count(array); got != want || len(r.b) != before {
			t.Errorf("%s: %d elements, want %d; %d bytes read", in, got, want, before-len(r.b))
		}
	}
}

func TestReaderContent(t *testing.T) {
	for in, want := range map[string]string{
		"60": "", "6161": "a", "7fff": "", "7f6161ff": "a", "7f6161606162ff": "ab", "5f41614162ff": "ab",
	} {
		b := unhex(t, in)
		r := reader{b}
		if got := r.content(r.head()); string(got) != want || len(r.b) != 0 {
			t.Errorf("%s: %q, want %q; %x left", in, got, want, r.b)
		}
	}
	b := []byte{0x62, 'a', 'b'}
	r := reader{b}
	if got := r.content(r.head()); !bytes.Equal(got, b[1:]) || &got[0] != &b[1] {
		t.Error("a string of one piece is copied")
	}
}

func TestReaderUntagged(t *testing.T) {
	for in, want := range map[string]item{
		"05":                 {majorUint, 5, 5},
		"d903e805":           {majorUint, 5, 5},
		"d903e8d903e9f6":     {majorSimple, 22, 22},
		"d903e8c100":         {majorTag, 1, tagTimeSeconds},
		"c24101":             {majorTag, 2, tagBignum},
		"c3d903e84101":       {majorTag, 3, tagNegBignum},
		"c405":               {majorUint, 5, 5},
		"d9000100":           {majorTag, 25, tagTimeSeconds}, // a long form of tag 1
		"fb3ff0000000000000": {majorSimple, infoDouble, 0x3ff0000000000000},
	} {
		r := reader{unhex(t, in)}
		if got := r.untagged(); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
}

func TestReaderTime(t *testing.T) {
	for in, want := range map[string]string{
		"c100":                      "1970-01-01T00:00:00Z",
		"c1f9b800":                  "1969-12-31T23:59:59.5Z",
		"c1fb3eb0c6f7a0b5ed8d":      "1970-01-01T00:00:00.000001Z",
		"c1fb3e9421f5f40d8376":      "1970-01-01T00:00:00Z", // 300 ns: beyond what seconds in a double tell
		"c17f6130ff":                "",
		"c1f97c00":                  "",
		"c1f97e00":                  "",
		"c1f5":                      "",
		"c1c100":                    "",
		"c000":                      "",
		"c04101":                    "",
		"c06130":                    "",
		"c1" + "1bffffffffffffffff": "",
		"c1" + "3bffffffffffffffff": "",
		"c07f" + "6a323031332d30332d3231" + "6a5432303a30343a30305a" + "ff": "2013-03-21T20:04:00Z",
	} {
		r := reader{unhex(t, in)}
		got, ok := r.time(r.head())
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v, want %q", in, got, ok, want)
		}
		if len(r.b) != 0 {
			t.Errorf("%s: %x is left", in, r.b)
		}
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-29T14:00:00+02:00":      "2026-03-29T12:00:00Z",
		"2026-03-29T12:00:00.123456789Z": "2026-03-29T12:00:00.123456789Z",
		"0000-01-01T00:00:00Z":           "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999Z":       "9999-12-31T23:59:59.999Z",
		"0000-01-01T00:00:00+01:00":      "",
		"9999-12-31T23:59:59-01:00":      "",
		"2026-02-30T00:00:00Z":           "",
		"2026-03-29":                     "",
		"2026-03-29 12:00:00Z":           "",
		"":                               "",
	} {
		got, ok := parseTime(in)
		if ok != (want != "") || ok && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v, want %q", in, got, ok, want)
		}
	}
}

func TestNegative(t *testing.T) {
	for arg, want := range map[uint64]string{
		0: "-1", 1<<63 - 1: "-9223372036854775808", 1 << 63: "-9223372036854775809", 1<<64 - 1: "-18446744073709551616",
	} {
		if got := (item{majorNegative, 27, arg}).negative(); got != want {
			t.Errorf("-1-%d is %s, want %s", arg, got, want)
		}
	}
}
