package mux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
)

// A Handler answers one request. Many run at a time; body is the
// handler's to keep, and the reply is left alone once it is returned. ctx ends
// when the caller's deadline passes, the caller cancels or the connection is
// lost. An error crosses the wire as an abi.Error: code, state and message.
type Handler func(ctx context.Context, from *Conn, body []byte) ([]byte, error)

// A Conn is a connection to one peer, on which both sides call. It is safe for
// concurrent use.
type Conn struct {
	nc     net.Conn
	peer   string
	addr   string
	handle Handler
	opt    *options
	work   *workers
	w      *writer
	calls  calls

	// Of the goroutine that has the lead:
	in    inbox
	slots []*slot // by the peer's ids
	queue []*request
	next  int       // in queue
	apart int       // requests that are not carried out by the lead
	now   time.Time // when in was filled

	running atomic.Pointer[request] // inside which the lead is
	batch   atomic.Uint64           // how often in was filled
	watched atomic.Bool             // by the watchdog
	ended   chan struct{}           // closed when there is no more to lead

	inflight atomic.Int64  // calls and requests without an answer
	draining atomic.Bool   // no more requests are taken
	quiet    chan struct{} // gets a value when inflight falls to 0 while draining
	heard    atomic.Bool   // since the last look

	once sync.Once
	done chan struct{}
	err  error // why it is done
}

// hangUpTime is what a peer has to close its side.
const hangUpTime = time.Second

var errClosed = errors.New("closed by this side")

func newConn(nc net.Conn, peer, addr string, h Handler, work *workers, opt *options) *Conn {
	c := &Conn{
		nc: nc, peer: peer, addr: addr, handle: h, opt: opt, work: work,
		quiet: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}), in: inbox{r: nc},
	}
	c.calls.limit = opt.maxInFlight
	c.w = newWriter(nc, c.done, func() bool { return c.inflight.Load() > 1 }, c.close)
	return c
}

// run serves the connection until it is done. Handlers may run on.
func (c *Conn) run() {
	var wg sync.WaitGroup
	wg.Go(c.w.flush)
	wg.Go(c.watch)
	c.lead()
	<-c.ended
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
		_ = c.nc.Close()
		c.pass(c.running.Load(), 0) // who leads ends the other requests
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
func (c *Conn) usable() bool { return !c.calls.shut.Load() }

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
	c.w.put(&frame{kind: kindBye}, nil, false, nil, nil)
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
		return
	case <-c.done:
		return
	}
	c.hangUp(ctx)
}

// hangUp says that no more comes, and waits until the peer has read all: what is
// on its way when a connection closes may be lost.
func (c *Conn) hangUp(ctx context.Context) {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hangUpTime)
	defer cancel()
	select {
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
			c.w.trim()
			c.w.put(&frame{kind: kindPing}, nil, false, nil, nil)
		}
	}
}
