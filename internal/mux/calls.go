package mux

import (
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
)

// A call is a request this side has sent. Its fields are guarded by calls.mu,
// but for in, which is the lead's alone, and reply, err and expired, which are the
// caller's once ready has been signalled.
type call struct {
	id        uint32
	ready     chan struct{} // gets one value when the answer is there, or the time is up
	reply     []byte
	err       error
	used      bool      // between start and the answer
	abandoned bool      // nobody waits for the answer
	expired   bool      // ready said that the time is up
	at        time.Time // when it is; zero is never
	in        inBody
}

// A calls holds a connection's outgoing calls by id. It is safe for concurrent use.
type calls struct {
	mu     sync.Mutex
	all    []*call
	free   []*call
	limit  int
	closed error       // why there are no more calls; nil while there are
	shut   atomic.Bool // there are no more

	// One timer serves all calls: most are answered long before their time is up, and
	// those that come later may wait for longer.
	timer *time.Timer // runs expire; nil until needed
	next  time.Time   // when it does; zero is never
}

// start returns a call with an id of its own, whose time is up at at; zero is never.
// Its error says that the call did not run.
func (cs *calls) start(at time.Time) (*call, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed != nil {
		return nil, cs.closed
	}
	p, err := cs.newLocked()
	if err != nil {
		return nil, err
	}
	p.used, p.at = true, at
	if !at.IsZero() && (cs.next.IsZero() || at.Before(cs.next)) {
		cs.expireLocked(at)
	}
	return p, nil
}

// expireLocked has expire run at a time.
func (cs *calls) expireLocked(at time.Time) {
	cs.next = at
	if cs.timer == nil {
		cs.timer = time.AfterFunc(time.Until(at), cs.expire)
	} else {
		cs.timer.Reset(time.Until(at))
	}
}

// expire tells the callers whose time is up.
func (cs *calls) expire() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := time.Now()
	var next time.Time
	for _, p := range cs.all {
		switch {
		case !p.used || p.abandoned || p.expired || p.at.IsZero():
		case !p.at.After(now):
			p.expired = true
			p.ready <- struct{}{}
		case next.IsZero() || p.at.Before(next):
			next = p.at
		}
	}
	if cs.next = next; !next.IsZero() {
		cs.expireLocked(next)
	}
}

func (cs *calls) newLocked() (*call, error) {
	if n := len(cs.free); n > 0 {
		p := cs.free[n-1]
		cs.free = cs.free[:n-1]
		return p, nil
	}
	if len(cs.all) >= cs.limit {
		return nil, abi.Errorf(abi.Overloaded, "not sent: %d calls to the peer are in flight already; try again later", cs.limit)
	}
	p := &call{id: uint32(len(cs.all)), ready: make(chan struct{}, 1)}
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

// answer ends the call with an id. It reports whether there was one; cut says that
// it may be one whose reply has come in part.
func (cs *calls) answer(id uint32, reply []byte, err error, cut bool) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if int(id) >= len(cs.all) || !cs.all[id].used {
		return false
	}
	p := cs.all[id]
	if p.in.left > 0 {
		if !cut {
			return false
		}
		p.in = inBody{}
	}
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
	if !p.expired {
		p.ready <- struct{}{}
	}
}

// take returns the answer of a call that is ready, and frees it.
func (cs *calls) take(p *call) (reply []byte, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	reply, err = p.reply, p.err
	p.reply, p.err, p.expired = nil, nil, false
	cs.free = append(cs.free, p)
	return reply, err
}

// unsignal takes back what ready says, if it does.
func (p *call) unsignal() {
	select {
	case <-p.ready:
	default:
	}
}

// abandon gives up waiting for p, which was sent. It reports false if the answer
// has come meanwhile, to be taken.
func (cs *calls) abandon(p *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p.unsignal()
	if p.used {
		p.abandoned, p.expired = true, false
	}
	return p.used
}

// drop frees a call of which nothing was sent.
func (cs *calls) drop(p *call) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p.unsignal() // the connection was lost meanwhile, or the time is up
	p.reply, p.err, p.expired, p.used = nil, nil, false, false
	cs.free = append(cs.free, p)
}

// close refuses new calls for a reason, the first that is given.
func (cs *calls) close(why error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed == nil {
		cs.closed = why
		cs.shut.Store(true)
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
	if cs.timer != nil {
		cs.timer.Stop()
	}
}
