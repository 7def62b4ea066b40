package mobility

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A home is CodeOffloading at the replica whose state is the microservice's. It is used
// by one call at a time.
type home struct {
	c     dms.Callee
	next  dms.Handler
	probe time.Duration // times what the slower side takes
	costs map[string]*cost
	gone  time.Time // until when no errand is sent, as the last was not answered

	number  uint64 // of the last errand
	shared  uint64 // the errand after which the helper has the state that is here; 0 if it has not
	version uint64 // of that state, here
}

// call carries out a call on the side that is faster for its method. One that the
// helper has no answer to is carried out here, from the state before it.
func (h *home) call(ctx context.Context, call dms.Call) ([]byte, error) {
	all, now := h.c.Replicas(), time.Now()
	if call.Verb != "" || len(all) < 2 || all[0].Peer != h.c.Self().Peer {
		return h.next(ctx, call)
	}
	m := h.costs[call.Method]
	if m == nil {
		m = new(cost)
		h.costs[call.Method] = m
	}
	if now.After(h.gone) && m.away(now, h.probe) {
		if o, err := h.there(ctx, all[1].Peer, call, m.limit()); err == nil {
			m.there = average(m.there, time.Since(now))
			if o.Err != nil {
				return nil, o.Err
			}
			return o.Out, nil
		}
		h.shared = 0
		if ctx.Err() == nil { // the caller still waits: the helper took too long
			m.there = max(m.there, 2*time.Since(now))
			h.gone = now.Add(h.probe * time.Since(now))
		}
		now = time.Now()
	}
	out, err := h.next(ctx, call)
	m.here = average(m.here, time.Since(now))
	return out, err
}

// there has the helper carry out call, and takes over what it wrote. Nothing has
// happened here if it returns an error.
func (h *home) there(ctx context.Context, helper dms.Peer, call dms.Call, limit time.Duration) (o outcome, err error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for o.Stale = true; o.Stale; {
		h.number++
		e := errand{Number: h.number, After: h.shared, Call: call}
		if h.shared == 0 || h.version != h.c.Version() {
			s, err := h.c.Snapshot(ctx)
			if err != nil {
				return o, err
			}
			e.State = &s
		}
		if o, err = dms.Ask[outcome](limited, h.c, helper, e); err != nil {
			return o, err
		}
		if o.Stale { // another helper, or another life of this home
			h.shared, h.number = 0, max(h.number, o.Last)
		}
	}
	if o.Err != nil && o.Err.Code.Fate() != abi.Ran {
		return o, o.Err
	}
	if o.State != nil {
		if err := h.c.Restore(ctx, *o.State); err != nil {
			return o, err
		}
	}
	h.shared, h.version = h.number, h.c.Version()
	return o, nil
}

// A cost is how long a method lately took on each side; 0 is not known.
type cost struct {
	here, there time.Duration
	tried       time.Time // the slower side
}

// away says where to make a call: where it takes less, but on the other side when probe
// times as much has passed as a call takes there.
func (m *cost) away(now time.Time, probe time.Duration) bool {
	switch away := m.there < m.here; {
	case m.here == 0:
		return false
	case now.Sub(m.tried) >= probe*max(m.here, m.there):
		m.tried = now
		return !away || m.there == 0
	default:
		return away
	}
}

// limit is how long a call may take there.
func (m *cost) limit() time.Duration { return 2*max(m.here, m.there) + slack }

// average is a moving one. What takes less than half as long as before, as when the
// link is back, is believed at once.
func average(old, now time.Duration) time.Duration {
	if now = max(now, 1); now < old/2 || old == 0 {
		return now
	}
	return (3*old + now) / 4
}
