package mux

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"amino.run/abi"
)

func TestBrokenRulesEndTheConnection(t *testing.T) {
	call := frame{kind: kindRequest, id: 1, body: []byte{1}}
	for name, fs := range map[string][]frame{
		"reply to nothing":          {{kind: kindReply, id: 9}},
		"part of no reply":          {{kind: kindReplyPart, id: 0}},
		"failure of nothing":        {{kind: kindFail, id: 9, code: 1}},
		"failure of code 0":         {{kind: kindFail, id: 0}},
		"id in flight":              {call, call},
		"id in flight, in part":     {{kind: kindRequest, id: 2, total: 5}, {kind: kindRequest, id: 2}},
		"request beyond its length": {{kind: kindRequest, id: 2, total: 5}, {kind: kindRequestPart, id: 2, body: make([]byte, 6)}},
		"reply beyond its length":   {{kind: kindReply, id: 0, total: 5}, {kind: kindReplyPart, id: 0, body: make([]byte, 6)}},
		"reply within a reply":      {{kind: kindReply, id: 0, total: 5}, {kind: kindReply, id: 0}},
		"two replies":               {{kind: kindReply, id: 0}, {kind: kindReply, id: 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := newWire(t, hang)
				go c.Call(t.Context(), nil) // call 0
				w.read()
				w.write(fs...)
				<-c.Done()
				if !errors.Is(c.Err(), errFrame) || !strings.Contains(c.Err().Error(), "broke the protocol") {
					t.Errorf("got %v", c.Err())
				}
			})
		})
	}
}

func TestGarbageEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		w.raw([]byte("GET / HTTP/1.1\r\n"))
		<-c.Done()
		if !errors.Is(c.Err(), errFrame) {
			t.Errorf("got %v", c.Err())
		}
	})
}

func TestPeerThatDoesNotReadIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo, MaxInFlight(0)) // each request is refused
		var b []byte
		for len(b) < 1<<20 {
			f := frame{kind: kindRequest}
			b = f.append(b, 0)
		}
		go w.p.Write(b)
		<-c.Done()
		if !strings.Contains(c.Err().Error(), "does not read") {
			t.Errorf("got %v", c.Err())
		}
	})
}

func TestLongMessageIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, func(context.Context, *Conn, []byte) ([]byte, error) {
			return nil, abi.AppError(strings.Repeat("x", 1<<20))
		})
		_, err := c.Call(t.Context(), nil)
		if abi.CodeOf(err) != abi.Application || len(err.Error()) != maxMessage {
			t.Errorf("got %d bytes of code %v", len(err.Error()), abi.CodeOf(err))
		}
	})
}

// FuzzRead gives a connection whatever batches: it goes on or ends, but calls
// do end and nothing panics.
func FuzzRead(f *testing.F) {
	for _, s := range someFrames {
		f.Add(append(s.append(nil, len(s.body)), s.body...), []byte{})
	}
	f.Add([]byte{byte(kindReply), 0, 1, 'x'}, []byte{byte(kindBye)})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			c := over(a, echo, MaxBody(1<<20))
			go io.Copy(io.Discard, b)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Call(t.Context(), []byte("call 0"))
			}()
			synctest.Wait()
			for _, m := range [][]byte{first, second} {
				if _, err := b.Write(m); err != nil {
					break
				}
				synctest.Wait()
			}
			c.Close()
			<-ended
		})
	})
}
