package mux

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"
)

var someFrames = []frame{
	{kind: kindRequest, id: 0, body: []byte{}},
	{kind: kindRequest, id: 300, timeout: time.Second, body: []byte("body")},
	{kind: kindRequest, id: 1, total: 100, body: []byte("the first of it")},
	{kind: kindRequestPart, id: 1, body: []byte("more of it")},
	{kind: kindReply, id: math.MaxUint32, body: bytes.Repeat([]byte{7}, maxFragment)},
	{kind: kindReply, id: 2, total: 1 << 30, body: []byte{1}},
	{kind: kindReplyPart, id: 2, body: []byte{2}},
	{kind: kindFail, id: 3, code: 12, state: 2, body: []byte("trap")},
	{kind: kindCancel, id: 4},
	{kind: kindPing}, {kind: kindPong}, {kind: kindBye},
}

func TestFramesRoundTrip(t *testing.T) {
	var batch []byte
	for _, f := range someFrames {
		before := len(batch)
		batch = append(f.append(batch, len(f.body)), f.body...)
		if head := len(batch) - before - len(f.body); head > maxHead {
			t.Errorf("%+v: a head of %d bytes", f, head)
		}
	}
	for _, want := range someFrames {
		f, rest, err := parseFrame(batch)
		if err != nil || !reflect.DeepEqual(f, want) {
			t.Fatalf("got %+v, %v; want %+v", f, err, want)
		}
		batch = rest
	}
	if len(batch) != 0 {
		t.Errorf("%d bytes are left", len(batch))
	}
}

func TestFrameTimeoutRoundsUp(t *testing.T) {
	in := frame{kind: kindRequest, timeout: 1} // 0 would be forever
	f, _, err := parseFrame(in.append(nil, 0))
	if err != nil || f.timeout != time.Microsecond {
		t.Errorf("got %v, %v", f.timeout, err)
	}
}

func TestMalformedFrames(t *testing.T) {
	for name, b := range map[string][]byte{
		"kind 0":                      {0},
		"unknown kind":                {byte(numKinds)},
		"fragmented cancel":           {byte(kindCancel | fragmented), 1},
		"id too large":                {byte(kindReply), 0xff, 0xff, 0xff, 0xff, 0x1f, 0},
		"body too long":               {byte(kindReply), 1, 0x81, 0x80, 0x04},
		"fragment of the whole":       {byte(kindReply | fragmented), 1, 1, 1, 0},
		"timeout that overflows":      {byte(kindRequest), 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0},
		"total above 2 GiB":           {byte(kindReply | fragmented), 1, 0x80, 0x80, 0x80, 0x80, 0x08, 1, 0},
		"uvarint longer than 64 bits": append([]byte{byte(kindReply)}, bytes.Repeat([]byte{0xff}, 11)...),
	} {
		if f, _, err := parseFrame(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

// A frame may come in pieces: no beginning of it is taken for a frame, or for
// something malformed.
func TestFramesCutShort(t *testing.T) {
	for _, f := range someFrames {
		whole := append(f.append(nil, len(f.body)), f.body...)
		for n := 1; n < len(whole); n += 1 + n/100 {
			if got, _, err := parseFrame(whole[:n]); err != errShort {
				t.Fatalf("%+v, %d bytes of %d: got %+v, %v", f, n, len(whole), got, err)
			}
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, s := range someFrames {
		f.Add(append(s.append(nil, len(s.body)), s.body...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			got, rest, err := parseFrame(b)
			if err == errShort && len(b) > maxFragment+64 {
				t.Fatalf("%d bytes are too few", len(b))
			}
			if err != nil {
				return
			}
			if len(rest) >= len(b) || len(got.body) > maxFragment {
				t.Fatalf("%d bytes of %d left, body of %d", len(rest), len(b), len(got.body))
			}
			again, _, err := parseFrame(append(got.append(nil, len(got.body)), got.body...))
			if err != nil || again.kind != got.kind || again.id != got.id || again.total != got.total ||
				again.timeout != got.timeout || !bytes.Equal(again.body, got.body) {
				t.Fatalf("%+v became %+v, %v", got, again, err)
			}
			b = rest
		}
	})
}
