package mux

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// Frames come out whole however they come in, and the inbox grows no more than it
// must.
func TestInbox(t *testing.T) {
	var sent []byte
	for _, f := range append(someFrames, someFrames...) {
		sent = append(f.append(sent, len(f.body)), f.body...)
	}
	for name, x := range map[string]struct {
		r    io.Reader
		most int // bytes of buffer
	}{
		"byte by byte": {iotest.OneByteReader(bytes.NewReader(sent)), largeInbox},
		"in halves":    {iotest.HalfReader(bytes.NewReader(sent)), largeInbox},
		"all at once":  {bytes.NewReader(sent), largeInbox},
		"little":       {bytes.NewReader(sent[:smallInbox-1]), smallInbox},
		"with its end": {iotest.DataErrReader(bytes.NewReader(sent)), largeInbox},
	} {
		in := inbox{r: x.r}
		var got []byte
		for {
			b, err := in.fill()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for len(b) > 0 {
				f, rest, err := parseFrame(b)
				if err == errShort {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got = append(f.append(got, len(f.body)), f.body...)
				b = rest
			}
			in.keep(b)
		}
		if got = append(got, in.buf[:in.n]...); !bytes.Equal(got, sent[:len(got)]) || len(got) < smallInbox-1 {
			t.Errorf("%s: %d bytes of %d came out", name, len(got), len(sent))
		}
		if len(in.buf) > x.most {
			t.Errorf("%s: a buffer of %d bytes", name, len(in.buf))
		}
	}
}

// Who has much to say is read in large bites, also if each leaves a rest.
func TestInboxGrowsWithTraffic(t *testing.T) {
	in := inbox{r: zeros{}}
	for range 10 {
		b, err := in.fill()
		if err != nil {
			t.Fatal(err)
		}
		in.keep(b[len(b)-10:])
	}
	if b, _ := in.fill(); len(b) != largeInbox {
		t.Errorf("%d bytes at once", len(b))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
