package mux

import (
	"sync"

	"amino.run/abi"
)

// A call is a request this side has sent. Its fields are guarded by calls.mu,
// but for in, which is the reader's alone, and reply and err, which are the
// caller's once ready has been signalled.
type call struct {
	id        uint32
	ready     chan struct{} // gets one value when the answer is there
	reply     []byte
	err       error
	used      bool // between start and the answer
	abandoned bool // nobody waits for the answer
	in        inBody
}

// A calls holds a stream's outgoing calls by id. It is safe for concurrent use.
type calls struct {
	mu     sync.Mutex
	all    []*call
	free   []*call
	limit  int
	closed error // why there are no more calls; nil while there are
}

// start returns a call with an id of its own. Its error says that the call did
// not run.
func (cs *calls) start() (*call, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed != nil {
		return nil, cs.closed
	}
	if n := len(cs.free); n > 0 {
		p := cs.free[n-1]
		cs.free = cs.free[:n-1]
		p.used = true
		return p, nil
	}
	if len(cs.all) >= cs.limit {
		return nil, abi.Errorf(abi.Overloaded, "not sent: %d calls to the peer are in flight already; try again later", cs.limit)
	}
	p := &call{id: uint32(len(cs.all)), ready: make(chan struct{}, 1), used: true}
	cs.all = append(cs.all, p)
	return p, nil
}

// waiting returns the call with an id, or nil if none waits for an answer.
func (cs *calls) waiting(id uint32) *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if int(id) >= len(cs.all) || !cs.all[id].used {
		return nil
	}
	return cs.all[id]
}

// answer ends the call with an id. It reports whether there was one.
func (cs *calls) answer(id uint32, reply []byte, err error) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if int(id) >= len(cs.all) || !cs.all[id].used {
		return false
	}
	p := cs.all[id]
	p.in = inBody{}
	cs.answerLocked(p, reply, err)
	return true
}

func (cs *calls) answerLocked(p *call, reply []byte, err error) {
	p.used = false
	if p.abandoned {
		p.abandoned = false
		cs.free = append(cs.free, p)
		return
	}
	p.reply, p.err = reply, err
	p.ready <- struct{}{}
}

// take returns the answer of a call that is ready, and frees it.
func (cs *calls) take(p *call) (reply []byte, err error) {
	reply, err = p.reply, p.err
	p.reply, p.err = nil, nil
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.free = append(cs.free, p)
	return reply, err
}

// abandon gives up waiting for p, which was sent. It reports false if the
// answer has come meanwhile.
func (cs *calls) abandon(p *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p.abandoned = p.used
	return p.used
}

// drop frees a call of which nothing was sent.
func (cs *calls) drop(p *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !p.used { // the stream was lost meanwhile
		<-p.ready
		p.reply, p.err = nil, nil
	}
	p.used = false
	cs.free = append(cs.free, p)
}

// close refuses new calls for a reason, the first that is given.
func (cs *calls) close(why error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed == nil {
		cs.closed = why
	}
}

// fail ends all calls that wait.
func (cs *calls) fail(err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, p := range cs.all {
		if p.used {
			cs.answerLocked(p, nil, err)
		}
	}
}
