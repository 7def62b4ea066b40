package mux

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
)

// A Handler answers one request. It runs on a goroutine of its own; body is the
// handler's to keep, and the reply is left alone once it is returned. ctx ends
// when the caller's deadline passes, the caller cancels or the connection is
// lost. An error crosses the wire as an abi.Error: code, state and message.
type Handler func(ctx context.Context, from *Conn, body []byte) ([]byte, error)

// A Conn is a connection to one peer, on which both sides call. It is safe for
// concurrent use.
type Conn struct {
	s      stream
	peer   string
	addr   string
	handle Handler
	opt    *options
	work   *workers
	w      *writer
	calls  calls
	slots  []*slot // by the peer's ids; the reader's alone

	inflight atomic.Int64  // calls and requests without an answer
	draining atomic.Bool   // no more requests are taken
	quiet    chan struct{} // gets a value when inflight falls to 0 while draining
	heard    atomic.Bool   // since the last look

	once sync.Once
	done chan struct{}
	err  error // why it is done
}

var errClosed = errors.New("closed by this side")

func newConn(s stream, peer, addr string, h Handler, work *workers, opt *options) *Conn {
	c := &Conn{
		s: s, peer: peer, addr: addr, handle: h, opt: opt, work: work,
		quiet: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.calls.limit = opt.maxInFlight
	c.w = newWriter(s, c.done, func() bool { return c.inflight.Load() > 1 }, c.close)
	return c
}

// run serves the connection until it is done. Handlers may run on.
func (c *Conn) run() {
	var wg sync.WaitGroup
	wg.Go(c.w.flush)
	wg.Go(c.watch)
	c.read()
	wg.Wait()
}

// Peer returns the name the peer gave: a node's, or "" for a client.
func (c *Conn) Peer() string { return c.peer }

// Addr returns the peer's address, as host:port.
func (c *Conn) Addr() string { return c.addr }

// Done returns a channel that is closed when the connection is over.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the connection is over, or nil while it is not.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close ends the connection at once: calls that wait end in Unavailable and the
// contexts of requests are canceled. It returns nil.
func (c *Conn) Close() error {
	c.close(errClosed)
	return nil
}

func (c *Conn) close(why error) {
	c.once.Do(func() {
		c.err = fmt.Errorf("connection to %s: %w", c, why)
		c.calls.close(abi.Errorf(abi.Unavailable, "not sent: %v", c.err))
		close(c.done)
		c.w.stop()
		c.calls.fail(abi.Errorf(abi.Unavailable, "%v; no answer came, the call may have run", c.err))
		c.s.abort()
	})
}

// String returns the peer's name and address, for messages.
func (c *Conn) String() string {
	if c.peer == "" {
		return c.addr
	}
	return c.peer + " (" + c.addr + ")"
}

// usable reports whether calls can be sent.
func (c *Conn) usable() bool {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	return c.calls.closed == nil
}

// leave counts a call or request off.
func (c *Conn) leave() {
	if c.inflight.Add(-1) == 0 && c.draining.Load() {
		select {
		case c.quiet <- struct{}{}:
		default:
		}
	}
}

// drain takes no more requests, lets those in flight finish and closes the
// connection, at the latest when ctx ends.
func (c *Conn) drain(ctx context.Context) {
	defer c.close(errClosed)
	c.draining.Store(true)
	c.calls.close(abi.Errorf(abi.Unavailable, "not sent: this side of the connection to %s is closing", c))
	c.w.put(&frame{kind: kindBye}, nil, false, nil)
	for c.inflight.Load() > 0 {
		select {
		case <-c.quiet:
		case <-ctx.Done():
			return
		case <-c.done:
			return
		}
	}
	select {
	case <-c.w.drained():
	case <-ctx.Done():
	case <-c.done:
	}
}

// watch gives the peer up when it has been silent too long. A tick without a
// word from the peer sends a ping.
func (c *Conn) watch() {
	const ticks = 5
	t := time.NewTicker(c.opt.silence / ticks)
	defer t.Stop()
	for silent := 0; ; {
		select {
		case <-t.C:
		case <-c.done:
			return
		}
		switch {
		case c.heard.Swap(false):
			silent = 0
		case silent == ticks:
			c.close(fmt.Errorf("lost: nothing heard for %v", c.opt.silence))
			return
		default:
			silent++
			c.w.put(&frame{kind: kindPing}, nil, false, nil)
		}
	}
}
