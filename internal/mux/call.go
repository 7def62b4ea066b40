package mux

import (
	"context"
	"errors"
	"time"

	"amino.run/abi"
)

// A bounded is a context that only adds a deadline to another one. Waiting for its
// end takes a timer; a connection has one for all calls of such contexts.
type bounded interface {
	// Bound returns the other context, and the deadline of this one.
	Bound() (parent context.Context, deadline time.Time)
}

// Call sends a request and returns the reply, which is the caller's. The time
// left until ctx's deadline travels with the request; when ctx ends first, the
// handler's context is canceled and the error is Unavailable (deadline) or
// Canceled, and the call may have run.
//
// A lost connection is Unavailable. Errors that begin with "not sent" say that
// the call did not run. Errors of the handler are as it returned them. Call does
// not keep body.
func (c *Conn) Call(ctx context.Context, body []byte) ([]byte, error) {
	if len(body) > maxFragment {
		return c.CallParts(ctx, body)
	}
	p, timeout, done, err := c.begin(ctx, len(body))
	if err != nil {
		return nil, err
	}
	defer c.leave()
	if !c.w.put(&frame{kind: kindRequest, id: p.id, timeout: timeout}, body, true, done, p.ready) {
		c.calls.drop(p)
		return nil, c.unsent(ctx)
	}
	return c.await(ctx, done, p)
}

// CallParts is Call with a body that is the parts joined.
func (c *Conn) CallParts(ctx context.Context, parts ...[]byte) ([]byte, error) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n <= maxFragment {
		body := make([]byte, 0, n)
		for _, p := range parts {
			body = append(body, p...)
		}
		return c.Call(ctx, body)
	}
	p, timeout, done, err := c.begin(ctx, n)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	begun, _ := c.w.putBody(&outBody{
		head:  frame{kind: kindRequest, id: p.id, timeout: timeout, total: n},
		next:  kindRequestPart,
		parts: append([][]byte(nil), parts...),
	}, done, p.ready)
	if !begun {
		c.calls.drop(p)
		return nil, c.unsent(ctx)
	}
	return c.await(ctx, done, p)
}

// maxMargin is by how much at most the peer's deadline is sooner than the caller's.
const maxMargin = 100 * time.Millisecond

// begin returns a call for a body of n bytes, how long the peer may take, 0 being
// forever, and what is closed when ctx ends before p.at. The peer has a little less
// time than the caller waits, so that an answer which says what became of the call when
// its time ran out arrives in time.
func (c *Conn) begin(ctx context.Context, n int) (p *call, timeout time.Duration, done <-chan struct{}, err error) {
	if n > c.opt.maxBody {
		return nil, 0, nil, abi.Errorf(abi.BadArgument, "not sent: the request has %d bytes; the limit is %d", n, c.opt.maxBody)
	}
	var at time.Time
	waits := ctx
	if b, ok := ctx.(bounded); ok {
		waits, at = b.Bound()
	}
	if waits.Err() != nil {
		return nil, 0, nil, c.unsent(ctx)
	}
	if d, ok := ctx.Deadline(); ok {
		if timeout = time.Until(d); timeout <= 0 {
			return nil, 0, nil, abi.Errorf(abi.Unavailable, "not sent: the deadline has passed already")
		}
		timeout -= min(timeout/10, maxMargin)
	}
	c.inflight.Add(1) // first: drain refuses calls, then looks for those in flight
	if p, err = c.calls.start(at); err != nil {
		c.leave()
		return nil, 0, nil, err
	}
	return p, timeout, waits.Done(), nil
}

// await returns the answer to a call that was sent. done is as begin returned it.
func (c *Conn) await(ctx context.Context, done <-chan struct{}, p *call) ([]byte, error) {
	if p.answered(done) {
		return c.calls.take(p)
	}
	// The cancel is queued while the id is still ours: it never hits a later call.
	c.w.put(&frame{kind: kindCancel, id: p.id}, nil, false, nil, nil)
	if !c.calls.abandon(p) {
		return c.calls.take(p)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, abi.Errorf(abi.Canceled, "canceled while waiting for %s; the call may have run", c)
	}
	return nil, abi.Errorf(abi.Unavailable, "no answer from %s before the deadline; the call may have run", c)
}

// answered waits for an answer. It reports false if done was closed first or the
// time is up.
func (p *call) answered(done <-chan struct{}) bool {
	if done == nil { // select takes longer
		<-p.ready
		return !p.expired
	}
	select {
	case <-p.ready:
		return !p.expired
	case <-done:
		return false
	}
}

// unsent says why a call was not sent.
func (c *Conn) unsent(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		c.calls.mu.Lock()
		defer c.calls.mu.Unlock()
		return c.calls.closed
	case errors.Is(err, context.Canceled):
		return abi.Errorf(abi.Canceled, "not sent: canceled before that")
	default:
		return abi.Errorf(abi.Unavailable, "not sent: the deadline passed before that")
	}
}
