package caching

import (
	"context"
	"math"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("LeaseCaching", func() dms.DM { return &LeaseCaching{TTL: 10 * time.Second} })
}

// LeaseCaching runs calls on a copy beside the one caller that holds the lease.
//
// Guarantees: linearizable. A call that may write is answered when its state is
// back at the replica, so a lease may run out at any time and nothing answered is
// lost. One caller's node holds the lease; others are refused with leased and the
// time left, and have their turn when it ends. A call that outlasts its lease has
// not run. No two clocks need agree.
//
// Costs: nothing leaves the node for a readonly call of the holder; for one that
// wrote, the whole state. The state travels to each new holder. After a failure of
// the replica no one gets the lease for one ttl.
//
// Needs: callers that do not often alternate. It comes last of the DMs that see
// calls; with AtLeastOnceRPC before it, those that are refused wait for their turn.
// Outgoing calls of the microservice leave from the holder's node.
//
// Verbs: none; those of DMs before it run at the replica, under the lease.
type LeaseCaching struct {
	TTL time.Duration `doc:"how long a lease lasts"`
}

// Validate implements dms.Validator.
func (d *LeaseCaching) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *LeaseCaching) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Routes}, Has: []dms.Trait{dms.AtCallers}}
}

type (
	acquire struct{ Token, Version uint64 } // of what the caller has; zero if nothing
	grant   struct {
		Lease dms.Grant
		Same  bool         // the caller has the state; State has only its version
		State dms.Snapshot //
	}
	write struct {
		Token uint64
		State dms.Snapshot
	}
	written struct{ Version uint64 } // of the replica
	forward struct {                 // a verb
		Token uint64
		Call  dms.Call
	}
	release struct{ Token uint64 }
)

// Proxy implements dms.Proxier.
func (d *LeaseCaching) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	h := holder{c: c}
	c.OnDrain(h.release)
	return dms.Serial(h.call)
}

// A holder is the proxy at a caller. It is used by one call at a time.
type holder struct {
	c     dms.Caller
	local dms.Copy  // nil before the first grant
	own   uint64    // local's own version when it was last known to be the replica's state
	token uint64    // of the grant; zero if local differs from the state it was granted
	base  uint64    // version of the replica that local is a copy of
	until time.Time // the lease ends
}

func (h *holder) call(ctx context.Context, call dms.Call) ([]byte, error) {
	if err := h.hold(ctx); err != nil {
		return nil, err
	}
	if call.Verb != "" {
		h.until = time.Time{} // the verb may change the state
		return dms.AskPrimary[[]byte](ctx, h.c, forward{h.token, call})
	}
	out, err := h.local.Invoke(ctx, call)
	if fate := abi.CodeOf(err).Fate(); fate != abi.Ran {
		if fate != abi.NotRun {
			h.spoil()
		}
		return nil, untouched(err)
	}
	if call.ReadOnly {
		return out, err
	}
	if lost := h.writeBack(ctx); lost != nil {
		h.spoil()
		return nil, lost
	}
	return out, err
}

// hold makes local the replica's state, and leased.
func (h *holder) hold(ctx context.Context) error {
	asked := time.Now()
	if asked.Before(h.until) {
		return nil
	}
	g, err := dms.AskPrimary[grant](ctx, h.c, acquire{h.token, h.base})
	if err != nil {
		return err
	}
	if !g.Same {
		if err := h.copy(ctx, g.State); err != nil {
			h.spoil()
			return err
		}
	}
	h.token, h.base, h.until = g.Lease.Token, g.State.Version, asked.Add(g.Lease.For)
	return nil
}

func (h *holder) copy(ctx context.Context, s dms.Snapshot) (err error) {
	h.own = 0 // not known
	if h.local == nil {
		h.local, err = h.c.Run(ctx, s)
		return err
	}
	return h.local.Restore(ctx, s)
}

// writeBack makes the replica's state what local's is, if that changed.
func (h *holder) writeBack(ctx context.Context) error {
	s, err := h.local.Snapshot(ctx)
	if err != nil || s.Version == h.own {
		return err
	}
	w, err := dms.AskPrimary[written](ctx, h.c, write{h.token, s})
	if err != nil {
		return err
	}
	h.own, h.base = s.Version, w.Version
	return nil
}

// spoil makes the next call begin from the replica's state.
func (h *holder) spoil() { h.token, h.until = 0, time.Time{} }

// release ends the lease, so that callers elsewhere need not wait for its end.
func (h *holder) release(ctx context.Context) error {
	if h.token == 0 || !time.Now().Before(h.until) {
		return nil
	}
	_, err := dms.AskPrimary[dms.None](ctx, h.c, release{h.token})
	h.spoil()
	return err
}

// untouched marks the error of a call that the host undid: whatever state the copy
// went back to, the replica's is the one before the call.
func untouched(err error) error {
	e := *abi.AsError(err)
	if e.Code.Fate() == abi.Undone {
		e.State = abi.StateBefore
	}
	return &e
}

// Instance implements dms.Instancer.
func (d *LeaseCaching) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	lease := dms.Keep(c, "lease", dms.Lease{})
	begun := dms.Keep(c, "begun", false) // something was granted, here or before a move
	born, built := c.Version(), time.Now()
	mu := dms.NewMutex() // one look at the lease and what follows from it at a time

	// begin comes before the first grant. A replica without cells is new, or it
	// recovers, which shows in its version: then someone may still hold a lease.
	begin := func() {
		var left time.Duration
		if c.Version() != born {
			left = d.TTL - time.Since(built)
		}
		lease.Block(left, uint64(c.Rand(math.MaxInt32))) // tokens unlike those of an earlier life
		*begun = true
	}
	dms.Answer(c, func(ctx context.Context, from dms.Peer, a acquire) (g grant, err error) {
		if err := mu.Lock(ctx); err != nil {
			return g, err
		}
		defer mu.Unlock()
		if !*begun {
			begin()
		}
		g.Same = a.Token != 0 && lease.Last(from, a.Token) && c.Version() == a.Version
		if g.Lease, err = lease.Acquire(from, d.TTL); err != nil {
			return g, err
		}
		if g.Same {
			g.State.Version = a.Version
		} else if g.State, err = c.Snapshot(ctx); err != nil {
			lease.Release(from)
		}
		return g, err
	})
	dms.Answer(c, func(ctx context.Context, from dms.Peer, w write) (written, error) {
		if err := mu.Lock(ctx); err != nil {
			return written{}, err
		}
		defer mu.Unlock()
		if err := lease.Held(from, w.Token); err != nil {
			return written{}, err
		}
		err := c.Restore(ctx, w.State)
		return written{c.Version()}, err
	})
	dms.Answer(c, func(ctx context.Context, from dms.Peer, f forward) ([]byte, error) {
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		if err := lease.Held(from, f.Token); err != nil {
			return nil, err
		}
		return next(ctx, f.Call)
	})
	dms.Answer(c, func(ctx context.Context, from dms.Peer, r release) (none dms.None, err error) {
		if err := mu.Lock(ctx); err != nil {
			return none, err
		}
		defer mu.Unlock()
		if lease.Held(from, r.Token) == nil {
			lease.Release(from)
		}
		return none, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) { // none comes from our proxies
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		if err := lease.Free(); err != nil {
			return nil, err
		}
		return next(ctx, call)
	}
}
