package mux

import (
	"context"
	"net"
	"testing"
)

// over returns a running connection over an end of a net.Pipe, which works in a
// bubble of synctest. Its goroutines end when it is closed.
func over(p net.Conn, h Handler, opts ...Option) *Conn {
	work := newWorkers()
	c := newConn(p, "peer", "pipe", h, work, newOptions(opts))
	go func() {
		c.run()
		work.close()
	}()
	return c
}

// pair returns the two ends of a connection in memory: one that calls, and one
// whose requests h answers.
func pair(t *testing.T, h Handler, opts ...Option) (client, server *Conn) {
	a, b := net.Pipe()
	client, server = over(a, echo, opts...), over(b, h, opts...)
	t.Cleanup(func() { client.Close() })
	return client, server
}

// wire is a connection whose peer is the test itself: it sends and sees frames.
type wire struct {
	t *testing.T
	p net.Conn
	b []byte // received and not yet looked at
}

func newWire(t *testing.T, h Handler, opts ...Option) (*Conn, *wire) {
	a, b := net.Pipe()
	c := over(a, h, opts...)
	t.Cleanup(func() { c.Close() })
	return c, &wire{t: t, p: b}
}

// write sends frames as one batch.
func (w *wire) write(fs ...frame) {
	w.t.Helper()
	var b []byte
	for _, f := range fs {
		b = append(f.append(b, len(f.body)), f.body...)
	}
	w.raw(b)
}

func (w *wire) raw(b []byte) {
	w.t.Helper()
	if _, err := w.p.Write(b); err != nil {
		w.t.Errorf("write: %v", err)
	}
}

// read returns the next frame that is not a ping.
func (w *wire) read() frame {
	w.t.Helper()
	for {
		if len(w.b) == 0 {
			w.more()
		}
		f, rest, err := parseFrame(w.b)
		if err == errShort {
			w.more()
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.b = rest
		if f.kind != kindPing {
			return f
		}
	}
}

func (w *wire) more() {
	w.t.Helper()
	b := make([]byte, maxFragment)
	n, err := w.p.Read(b)
	if err != nil {
		w.t.Fatalf("read: %v", err)
	}
	w.b = append(w.b, b[:n]...)
}

// hang is a handler that waits for its context to end.
func hang(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
