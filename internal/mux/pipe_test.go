package mux

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// A pipe is one end of a stream in memory, for tests in a bubble of synctest.
type pipe struct {
	in, out chan []byte
	aborted chan struct{} // shared by both ends
	abortIt func()
}

func newPipe() (a, b *pipe) {
	ab, ba, aborted := make(chan []byte), make(chan []byte), make(chan struct{})
	abort := sync.OnceFunc(func() { close(aborted) })
	return &pipe{ba, ab, aborted, abort}, &pipe{ab, ba, aborted, abort}
}

var errAborted = errors.New("aborted")

func (p *pipe) send(batch []*[]byte, pool *buffers) error {
	var m []byte
	for _, b := range batch {
		m = append(m, *b...)
		pool.Put(b)
	}
	select {
	case p.out <- m:
		return nil
	case <-p.aborted:
		return errAborted
	}
}

func (p *pipe) recv() ([]byte, error) {
	select {
	case m := <-p.in:
		return m, nil
	case <-p.aborted:
		return nil, errAborted
	}
}

func (p *pipe) abort() { p.abortIt() }

// over returns a running connection over p. Its goroutines end when it is closed.
func over(p *pipe, h Handler, opts ...Option) *Conn {
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
	a, b := newPipe()
	client, server = over(a, echo, opts...), over(b, h, opts...)
	t.Cleanup(func() { client.Close() })
	return client, server
}

// wire is a connection whose peer is the test itself: it sends and sees frames.
type wire struct {
	t *testing.T
	p *pipe
	b []byte // received and not yet looked at
}

func newWire(t *testing.T, h Handler, opts ...Option) (*Conn, *wire) {
	a, b := newPipe()
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
	var pool buffers
	if err := w.p.send([]*[]byte{&b}, &pool); err != nil {
		w.t.Errorf("write: %v", err)
	}
}

// read returns the next frame that is not a ping.
func (w *wire) read() frame {
	w.t.Helper()
	for {
		for len(w.b) == 0 {
			b, err := w.p.recv()
			if err != nil {
				w.t.Fatalf("read: %v", err)
			}
			w.b = b
		}
		f, rest, err := parseFrame(w.b)
		if err != nil {
			w.t.Fatal(err)
		}
		w.b = rest
		if f.kind != kindPing {
			return f
		}
	}
}

// hang is a handler that waits for its context to end.
func hang(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
