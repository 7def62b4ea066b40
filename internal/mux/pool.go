package mux

import (
	"context"
	"sync"
	"time"

	"amino.run/abi"
)

const (
	minBackoff  = 50 * time.Millisecond
	maxBackoff  = 2 * time.Second
	dialTimeout = 5 * time.Second
)

// A Pool keeps one connection to each address, dialed on first use and again
// after a loss. It is safe for concurrent use.
type Pool struct {
	name string
	h    Handler
	opt  *options
	work *workers
	wg   sync.WaitGroup // dialing and dialed connections

	ctx    context.Context // ended by Close
	cancel context.CancelFunc

	mu     sync.Mutex
	lines  map[string]*line
	closed bool
}

// A line is the way to one address. Its fields are guarded by Pool.mu.
type line struct {
	conn    *Conn
	dialing chan struct{} // closed when the dialing under way has ended; nil if none is
	err     error         // of the last dialing
	backoff time.Duration
	until   time.Time // no dialing before
}

// NewPool returns an empty pool. name and h are as for Dial.
func NewPool(name string, h Handler, opts ...Option) *Pool {
	p := &Pool{name: name, h: h, opt: newOptions(opts), work: newWorkers(), lines: map[string]*line{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Get returns the connection to addr (host:port) and dials it if there is none.
// After a failure it gives that error for a while, 50 ms at first and twice as
// long each time up to two seconds, and does not dial. Errors are Unavailable,
// or Canceled if ctx was, and mean that nothing was sent.
func (p *Pool) Get(ctx context.Context, addr string) (*Conn, error) {
	p.mu.Lock()
	for {
		if p.closed {
			p.mu.Unlock()
			return nil, abi.Errorf(abi.Unavailable, "not sent: this side is closing")
		}
		l := p.lines[addr]
		if l == nil {
			l = &line{}
			p.lines[addr] = l
		}
		if c := l.conn; c != nil && c.usable() {
			p.mu.Unlock()
			return c, nil
		}
		if l.dialing == nil {
			if err := l.err; err != nil && time.Now().Before(l.until) {
				p.mu.Unlock()
				return nil, err
			}
			p.dialLocked(addr, l)
		}
		dialing := l.dialing
		p.mu.Unlock()
		select {
		case <-dialing:
		case <-ctx.Done():
			e := abi.AsError(ctx.Err())
			return nil, abi.Errorf(e.Code, "not sent: still connecting to %s: %v", addr, ctx.Err())
		}
		p.mu.Lock()
		if err := l.err; l.conn == nil && err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
}

// dialLocked dials addr on a goroutine of its own, which then serves the
// connection.
func (p *Pool) dialLocked(addr string, l *line) {
	l.conn, l.err = nil, nil
	l.dialing = make(chan struct{})
	p.wg.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
		c, err := dial(ctx, addr, p.name, p.h, p.work, p.opt)
		cancel()
		p.mu.Lock()
		if err != nil {
			l.fail(err)
		} else {
			l.conn = c
		}
		close(l.dialing)
		l.dialing = nil
		p.mu.Unlock()
		if err != nil {
			return
		}
		defer context.AfterFunc(p.ctx, func() { _ = c.Close() })()
		start := time.Now()
		c.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.conn != c { // replaced already: the peer had said bye
			return
		}
		l.conn = nil
		if time.Since(start) > maxBackoff {
			delete(p.lines, addr)
			return
		}
		l.fail(abi.Errorf(abi.Unavailable, "not sent: %v", c.Err())) // lost at once: not a reason to hurry
	})
}

// fail makes err the answer until the backoff has passed.
func (l *line) fail(err error) {
	l.backoff = min(max(2*l.backoff, minBackoff), maxBackoff)
	l.err, l.until = err, time.Now().Add(l.backoff)
}

// Close closes all connections at once and waits until they are. It returns nil.
func (p *Pool) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.wg.Wait()
	if first {
		p.work.close()
	}
	return nil
}
