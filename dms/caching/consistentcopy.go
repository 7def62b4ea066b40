package caching

import (
	"context"
	"sync"
	"time"

	"amino.run/dms"
)

// Proxy implements dms.Proxier.
func (d *ConsistentCaching) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	s := &shared{c: c, ttl: d.TTL, joining: dms.NewMutex(), changing: dms.NewMutex()}
	dms.Answer(c, s.stop)
	dms.Answer(c, func(ctx context.Context, _ dms.Peer, now current) (dms.None, error) {
		_, err := s.become(ctx, now, time.Time{})
		return dms.None{}, err
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if !call.ReadOnly {
			return next(ctx, call)
		}
		copy := s.readable()
		if copy == nil {
			var err error
			if copy, err = s.join(ctx); err != nil {
				return nil, err
			}
		}
		return copy.Invoke(ctx, call)
	}
}

// shared is the proxy: the copy of one node.
type shared struct {
	c        dms.Caller
	ttl      time.Duration
	joining  dms.Mutex // held by one who asks the replica
	changing dms.Mutex // held by one who changes the copy

	mu      sync.Mutex // guards all below
	copy    dms.Copy
	life    uint64    // of the replica
	at      uint64    // the last write that the copy has
	known   bool      // what the copy is of:
	version uint64    // of the replica
	stopped uint64    // the last write that began
	until   time.Time // the copy expires
}

// readable returns the copy if it may be read, else nil.
func (s *shared) readable() dms.Copy {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at < s.stopped || !time.Now().Before(s.until) {
		return nil
	}
	return s.copy
}

// join gets the state of the replica. One who asked may read what came, even if a
// write has begun meanwhile: the call had begun before.
func (s *shared) join(ctx context.Context) (dms.Copy, error) {
	if err := s.joining.Lock(ctx); err != nil {
		return nil, err
	}
	defer s.joining.Unlock()
	for copy := s.readable(); ; { // another may have asked
		if copy != nil {
			return copy, nil
		}
		until := time.Now().Add(s.ttl)
		now, err := dms.AskPrimary[current](ctx, s.c, s.has())
		if err != nil {
			return nil, err
		}
		if copy, err = s.become(ctx, now, until); err != nil {
			return nil, err
		}
	}
}

// has returns what the copy is of.
func (s *shared) has() join {
	s.mu.Lock()
	defer s.mu.Unlock()
	return join{s.known, s.life, s.version}
}

func (s *shared) stop(_ context.Context, _ dms.Peer, begins stop) (dms.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet(begins.Life)
	s.stopped = max(s.stopped, begins.Write)
	return dms.None{}, nil
}

// meet notes the life that the replica is in. A message of an earlier one, late, costs
// a question more.
func (s *shared) meet(life uint64) {
	if s.life != life {
		s.life, s.at, s.known, s.stopped, s.until = life, 0, false, 0, time.Time{}
	}
}

// become makes the copy what it is after a write, unless it is further: a message may
// have overtaken another. It returns the copy, or nil if what came is of no use to it.
// Until is when the copy expires, if it was asked for.
func (s *shared) become(ctx context.Context, now current, until time.Time) (dms.Copy, error) {
	if err := s.changing.Lock(ctx); err != nil {
		return nil, err
	}
	defer s.changing.Unlock()
	copy, done := s.note(now, until)
	if done {
		return copy, nil
	}
	var err error
	if copy == nil {
		copy, err = s.c.Run(ctx, *now.State)
	} else {
		err = copy.Restore(ctx, *now.State)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = false // unless all is well, below
	if err != nil {
		s.copy = nil
		return nil, err
	}
	s.copy = copy
	if s.life != now.Life {
		return nil, nil
	}
	s.set(now, until)
	return copy, nil
}

// note does what can be done without the state, and reports whether that was all.
func (s *shared) note(now current, until time.Time) (copy dms.Copy, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != now.Life && until.IsZero() {
		return nil, true // not what this node asked for
	}
	s.meet(now.Life)
	switch {
	case s.known && s.at > now.Write:
		now.Write, now.Version = s.at, s.version
	case s.known && s.version == now.Version:
	default:
		if now.State == nil {
			return nil, true // a write was missed
		}
		return s.copy, false
	}
	s.set(now, until)
	return s.copy, true
}

// set notes what the copy is. Mu is held.
func (s *shared) set(now current, until time.Time) {
	s.at, s.known, s.version = now.Write, true, now.Version
	if !until.IsZero() {
		s.until = until
	}
}
