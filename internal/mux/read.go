package mux

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"amino.run/abi"
)

// maxMessage is the longest error message, in bytes, that is sent.
const maxMessage = 16 << 10

// fill reads what there is and acts on it. Requests go to the queue.
func (c *Conn) fill() error {
	b, err := c.in.fill()
	if err != nil {
		return err
	}
	c.heard.Store(true)
	c.batch.Add(1)
	c.now = time.Now()
	if b, err = c.readFrames(b); err != nil {
		return err
	}
	c.in.keep(b)
	return nil
}

// endRequests ends the contexts of the requests: the connection is done.
func (c *Conn) endRequests() {
	for _, s := range c.slots {
		if s == nil {
			continue
		}
		if s.in.left > 0 {
			c.leave()
		}
		if r := s.cur.Load(); r != nil {
			r.end()
		}
	}
}

// plain returns what went wrong with the network, without the addresses.
func plain(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("closed by the peer")
	}
	if op := cause(err); op != err {
		return fmt.Errorf("lost: %w", op)
	}
	return err
}

// readFrames acts on the frames in b, and returns the beginning of one that is
// not whole.
func (c *Conn) readFrames(b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		f, rest, err := parseFrame(b)
		if err == errShort {
			break
		}
		if err == nil {
			err = c.readFrame(&f)
		}
		if err != nil {
			return nil, fmt.Errorf("the other side broke the protocol: %w", err)
		}
		b = rest
	}
	if c.w.backlog() > maxBacklog {
		return nil, errors.New("the other side does not read its answers")
	}
	return b, nil
}

// readFrame acts on a frame. It must not wait. An error is the peer's fault and
// ends the connection.
func (c *Conn) readFrame(f *frame) error {
	switch f.kind {
	case kindRequest:
		return c.readRequest(f)
	case kindRequestPart:
		return c.readRequestPart(f)
	case kindReply, kindReplyPart:
		return c.readReply(f)
	case kindFail:
		if f.code == uint8(abi.OK) {
			return fmt.Errorf("%w: a failure of code 0", errFrame)
		}
		err := &abi.Error{Code: abi.Code(f.code), State: abi.State(f.state), Msg: string(f.body)}
		if !c.calls.answer(f.id, nil, err, true) {
			return fmt.Errorf("%w: a failure of call %d, which is not in flight", errFrame, f.id)
		}
	case kindCancel:
		c.readCancel(f.id)
	case kindPing:
		c.w.add(&frame{kind: kindPong}, nil)
	case kindBye:
		c.calls.close(abi.Errorf(abi.Unavailable, "not sent: %s is closing", c))
	}
	return nil
}

func (c *Conn) readRequest(f *frame) error {
	if int(f.id) >= c.opt.maxInFlight {
		c.fail(f.id, abi.Errorf(abi.Overloaded, "%d requests from this peer are in flight already; try again later", c.opt.maxInFlight))
		return nil
	}
	for int(f.id) >= len(c.slots) {
		c.slots = append(c.slots, nil)
	}
	s := c.slots[f.id]
	if s == nil {
		s = new(slot)
		c.slots[f.id] = s
	}
	if s.cur.Load() != nil || s.in.left > 0 {
		return fmt.Errorf("%w: request %d is in flight already", errFrame, f.id)
	}
	if f.total > c.opt.maxBody {
		c.fail(f.id, abi.Errorf(abi.BadArgument, "the request has %d bytes; the limit is %d", f.total, c.opt.maxBody))
		return nil
	}
	c.inflight.Add(1) // before draining is looked at: drain does it the other way round
	if c.draining.Load() {
		c.fail(f.id, abi.Errorf(abi.Unavailable, "the call did not run: the peer is closing"))
		c.leave()
		return nil
	}
	s.deadline = time.Time{}
	if f.timeout > 0 {
		s.deadline = c.now.Add(f.timeout)
	}
	if f.total > 0 {
		s.in.begin(f, c.opt.maxBody)
		return nil
	}
	c.serve(s, f.id, f.body)
	return nil
}

// readRequestPart adds to a request's body. Fragments of a request that was
// refused or canceled meanwhile are passed over.
func (c *Conn) readRequestPart(f *frame) error {
	if int(f.id) >= len(c.slots) || c.slots[f.id] == nil || c.slots[f.id].in.left == 0 {
		return nil
	}
	s := c.slots[f.id]
	if !s.in.add(f.body) {
		return fmt.Errorf("%w: request %d is longer than announced", errFrame, f.id)
	}
	if s.in.left == 0 {
		c.serve(s, f.id, s.in.take())
	}
	return nil
}

// serve puts a request in the queue. It keeps body if that is longer than a fragment,
// and copies it if not.
func (c *Conn) serve(s *slot, id uint32, body []byte) {
	r := &request{c: c, slot: s, id: id, body: body, deadline: s.deadline}
	if len(body) <= maxFragment {
		r.body = append(r.small[:0:len(r.small)], body...)
	}
	s.cur.Store(r)
	c.queue = append(c.queue, r)
}

func (c *Conn) readReply(f *frame) error {
	if f.kind == kindReply && f.total == 0 {
		if !c.calls.answer(f.id, bytes.Clone(f.body), nil, false) {
			return errReply(f)
		}
		return nil
	}
	p := c.calls.waiting(f.id)
	if p == nil || (f.kind == kindReplyPart) != (p.in.left > 0) {
		return errReply(f)
	}
	if f.kind == kindReply {
		p.in.begin(f, c.opt.maxBody)
	} else if !p.in.add(f.body) {
		return fmt.Errorf("%w: reply %d is longer than announced", errFrame, f.id)
	}
	switch {
	case p.in.left > 0:
	case p.in.drop:
		p.in = inBody{}
		c.calls.answer(f.id, nil, abi.Errorf(abi.BadReply, "the reply is longer than the limit of %d bytes", c.opt.maxBody), false)
	default:
		c.calls.answer(f.id, p.in.take(), nil, false)
	}
	return nil
}

func errReply(f *frame) error {
	return fmt.Errorf("%w: a reply to call %d, which does not wait for one", errFrame, f.id)
}

// readCancel ends the context of a request, or drops one that has not come in
// whole.
func (c *Conn) readCancel(id uint32) {
	if int(id) >= len(c.slots) || c.slots[id] == nil {
		return
	}
	s := c.slots[id]
	if s.in.left > 0 {
		s.in = inBody{}
		c.fail(id, abi.Errorf(abi.Canceled, "canceled before the request had come in whole"))
		c.leave()
		return
	}
	if r := s.cur.Load(); r != nil {
		r.end()
	}
}

// fail answers a request with an error; as add, it is for the lead.
func (c *Conn) fail(id uint32, e *abi.Error) {
	f, msg := failure(id, e)
	c.w.add(&f, msg)
}

// failure returns the frame that answers a request with an error, and its body.
func failure(id uint32, e *abi.Error) (frame, []byte) {
	msg := e.Error()
	if len(msg) > maxMessage {
		msg = msg[:maxMessage]
	}
	code := max(e.Code, abi.Application) // a handler's error is never OK
	return frame{kind: kindFail, id: id, code: uint8(code), state: uint8(e.State)}, []byte(msg)
}
