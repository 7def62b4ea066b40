package mux

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
)

// A request is a call the peer has sent, and the context of its handler. Most
// handlers never wait on their context, so a real one is made only for those
// that do.
type request struct {
	c        *Conn
	slot     *slot
	id       uint32
	body     []byte
	deadline time.Time // zero if there is none
	small    [128]byte // what body is in if it is short
	full     bool      // so many answers are unwritten that the next had better wait

	mu     sync.Mutex
	ctx    context.Context // nil until needed
	cancel context.CancelFunc
	ended  bool
}

// A slot is where the request with an id is found while it is served.
type slot struct {
	cur atomic.Pointer[request]

	in       inBody    // the body under way; this and deadline are the reader's alone
	deadline time.Time // of the request that in belongs to
}

var _ context.Context = (*request)(nil)

// serve runs the handler and answers. It takes the request out of its slot
// before the answer is sent, since the peer may use the id again from then on.
func (r *request) serve() {
	c := r.c
	defer c.leave()
	reply, err := c.handle(r, c, r.body)
	if err == nil && len(reply) > c.opt.maxBody {
		err = abi.Errorf(abi.BadReply, "the reply has %d bytes; the limit is %d", len(reply), c.opt.maxBody)
	}
	if err == nil && len(reply) > maxFragment {
		r.yield()
		r.replyLarge(reply)
		return
	}
	r.slot.cur.Store(nil)
	r.end()
	f := frame{kind: kindReply, id: r.id}
	if err != nil {
		f, reply = failure(r.id, abi.AsError(err))
	}
	r.answer(&f, reply)
}

// answer sends the answer. The lead gathers answers, until they are many.
func (r *request) answer(f *frame, body []byte) {
	w := r.c.w
	if !r.leads() {
		w.put(f, body, true, nil, nil)
		return
	}
	if w.add(f, body) >= enough {
		r.full = w.push() >= maxPending // the next answers wait until the peer reads
	}
}

// replyLarge sends a reply in fragments. A cancel meanwhile cuts it short.
func (r *request) replyLarge(reply []byte) {
	defer r.end()
	_, all := r.c.w.putBody(&outBody{
		head:  frame{kind: kindReply, id: r.id, total: len(reply)},
		next:  kindReplyPart,
		parts: [][]byte{reply},
		last:  func() { r.slot.cur.Store(nil) },
	}, r.Done(), nil)
	if all {
		return
	}
	err := abi.AsError(r.Err())
	r.slot.cur.Store(nil)
	if err != nil {
		f, msg := failure(r.id, err)
		r.c.w.put(&f, msg, true, nil, nil)
	}
}

// end ends the context: the handler has returned or the peer canceled.
func (r *request) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.cancel != nil {
		r.cancel()
	}
}

// Deadline returns when the caller stops waiting.
func (r *request) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }

// Done returns a channel that is closed when the caller has gone. Who asks for it is
// about to wait.
func (r *request) Done() <-chan struct{} {
	r.yield()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		if r.deadline.IsZero() {
			r.ctx, r.cancel = context.WithCancel(context.Background())
		} else {
			r.ctx, r.cancel = context.WithDeadline(context.Background(), r.deadline)
		}
		if r.ended {
			r.cancel()
		}
	}
	return r.ctx.Done()
}

// Err returns why the context has ended, or nil.
func (r *request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ctx != nil:
		return r.ctx.Err()
	case !r.deadline.IsZero() && !time.Now().Before(r.deadline):
		return context.DeadlineExceeded
	case r.ended:
		return context.Canceled
	}
	return nil
}

// Value returns nil for all but the context package's own key, which lets
// contexts made from r hang on the real one directly.
func (r *request) Value(key any) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return nil
	}
	return r.ctx.Value(key)
}
