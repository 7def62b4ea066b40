package mux

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"amino.run/abi"
)

// echo answers with the request.
func echo(_ context.Context, _ *Conn, body []byte) ([]byte, error) { return body, nil }

// listen returns a server that is closed with the test.
func listen(t testing.TB, h Handler, opts ...Option) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", "server", h, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(t, s) })
	return s
}

func closeServer(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("close server: %v", err)
	}
}

// connect returns a connection to s that is closed with the test.
func connect(t testing.TB, s *Server, name string, h Handler, opts ...Option) *Conn {
	t.Helper()
	c, err := Dial(context.Background(), s.Addr(), name, h, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCall(t *testing.T) {
	c := connect(t, listen(t, echo), "client", echo)
	if c.Peer() != "server" {
		t.Errorf("peer = %q", c.Peer())
	}
	for _, n := range []int{0, 1, 64, 4096, maxFragment, maxFragment + 1, 1 << 20, 3<<20 + 7} {
		body := pattern(n)
		got, err := c.Call(context.Background(), body)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes: got %d bytes, %v", n, len(got), err)
		}
	}
}

// pattern returns n bytes of which no two fragments are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func TestHandlerErrorCrossesTheWire(t *testing.T) {
	want := &abi.Error{Code: abi.Trap, State: abi.StateSnapshot, Msg: "unreachable"}
	s := listen(t, func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
		if len(body) > 0 {
			return nil, errors.New("plain")
		}
		return nil, fmt.Errorf("counter: %w", want)
	})
	c := connect(t, s, "", echo)
	_, err := c.Call(context.Background(), nil)
	e := abi.AsError(err)
	if e.Code != want.Code || e.State != want.State || e.Msg != "counter: unreachable" {
		t.Errorf("got %+v", e)
	}
	if _, err = c.Call(context.Background(), []byte{1}); abi.CodeOf(err) != abi.Internal || err.Error() != "plain" {
		t.Errorf("got %v", err)
	}
}

func TestServerCallsBack(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := listen(t, echo, OnConnect(func(c *Conn) { conns <- c }))
	connect(t, s, "node-7", func(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
		got, err := from.Call(ctx, append(body, " and back"...)) // and once more, the other way
		return append(got, " again"...), err
	})
	back := <-conns
	if back.Peer() != "node-7" {
		t.Errorf("peer = %q", back.Peer())
	}
	got, err := back.Call(context.Background(), []byte("there"))
	if err != nil || string(got) != "there and back again" {
		t.Errorf("got %q, %v", got, err)
	}
}
