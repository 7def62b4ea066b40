package scalability

import (
	"cmp"
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("MasterSlaveSync", func() dms.DM {
		return &MasterSlaveSync{Replicas: 2, Patience: 2 * time.Second, Timeout: 20 * time.Second}
	})
}

// MasterSlaveSync keeps a microservice the same at a master and its slaves, and goes on
// at a slave when the master is lost.
//
// Guarantees: linearizable. A call is answered when all that it wrote or saw is at every
// slave, so nothing answered is lost while one of them remains; slaves are given what the
// master's guest was given by the clock, by chance and by others. A slave that does not
// answer is left behind: it can take the master's place again only when it has the whole
// state. The master serves under its kernel's lease, so one that expired stops by itself
// before another takes its place. A call that is sent again runs once.
//
// Costs: a round trip to the slaves for a call that may write; calls at the same time
// share it. The whole state for a slave that is new or was left behind. When the master is
// lost, the rest of its kernel's lease.
//
// Needs: as many nodes as replicas that placement allows, else there are fewer.
//
// Verbs: none; those of DMs before it run at each replica.
type MasterSlaveSync struct {
	Replicas int           `doc:"how many there are, the master included"`
	Patience time.Duration `doc:"how long a slave may take until the master goes on without it"`
	Timeout  time.Duration `doc:"for how long a call looks for a master"`
}

// Validate implements dms.Validator.
func (d *MasterSlaveSync) Validate() error {
	return cmp.Or(dms.Positive("replicas", d.Replicas), dms.Positive("patience", d.Patience), dms.Positive("timeout", d.Timeout))
}

// Concerns implements dms.Concerned.
func (*MasterSlaveSync) Concerns() dms.Concerns { return replicated }

// Between two attempts to do what cannot be done yet.
const pause = 50 * time.Millisecond

type (
	left    struct{ Slaves []dms.Peer } // told by the master: they do not answer
	abreast struct{ Slaves []dms.Peer } // they have the whole state, and nothing is answered without them
)

// Proxy implements dms.Proxier.
func (d *MasterSlaveSync) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		start, mayHaveRun := time.Now(), false
		for tries := 1; ; tries++ {
			out, err := next(ctx, call)
			code := abi.CodeOf(err)
			if err == nil || code != abi.Unavailable && code != abi.NotLeader {
				return out, err
			}
			mayHaveRun = mayHaveRun || code.Fate() != abi.NotRun
			if time.Since(start) > d.Timeout || !dms.Rest(ctx, c, min(time.Duration(tries)*pause, time.Second)) {
				return nil, dms.GaveUp(tries, time.Since(start), mayHaveRun, err)
			}
		}
	}
}

// Instance implements dms.Instancer.
func (d *MasterSlaveSync) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	l := newLine(c)
	catchUp := func(ctx context.Context) {
		if !l.leads() {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, d.Patience)
		defer cancel()
		n := l.count(ctx)
		if _, err := l.send(ctx, n); err == nil {
			dms.Tell(c, dms.Coordinator, abreast{l.abreast(ctx, n)})
		}
	}
	c.OnMembershipChange(catchUp) // a new slave is an heir at once
	c.Every(time.Second, catchUp)
	// everywhere returns when every slave has n writes.
	everywhere := func(ctx context.Context, n uint64) error {
		for {
			patient, cancel := context.WithTimeout(ctx, d.Patience)
			behind, err := l.send(patient, n)
			cancel()
			switch {
			case err == nil && len(behind) == 0:
				return nil
			case err == nil:
				dms.Tell(c, dms.Coordinator, left{behind})
			}
			if !dms.Rest(ctx, c, pause) {
				return abi.Errorf(abi.Unavailable, "the call ran at the master, and slaves do not answer: %v; it is lost if the master is", behind)
			}
		}
	}
	return func(ctx context.Context, call dms.Call) (out []byte, err error) {
		if !l.leads() {
			return nil, dms.NotLeader("")
		}
		var n uint64
		if call.ReadOnly {
			out, err = next(ctx, call)
			n = l.count(ctx)
		} else {
			out, n, err = l.lead(ctx, call)
		}
		if lost := everywhere(ctx, n); lost != nil {
			return nil, lost
		}
		return out, err
	}
}

// Coordinator implements dms.Coordinated.
func (d *MasterSlaveSync) Coordinator(g dms.Group) {
	heirs := dms.Keep(g, "heirs", []dms.Peer{}) // slaves that have all that was answered
	grow := func(ctx context.Context) error { return dms.Grow(ctx, g, d.Replicas) }
	g.OnCreate(grow)
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		still := slices.DeleteFunc(others(g, lost), func(p dms.Peer) bool { return !slices.Contains(*heirs, p) })
		if err := succeed(ctx, g, lost, still); err != nil {
			return err
		}
		return grow(ctx)
	})
	g.Every(regrow, func(ctx context.Context) { _ = grow(ctx) }) // or next time
	dms.Answer(g, func(_ context.Context, from dms.Peer, a abreast) (none dms.None, err error) {
		if at, err := dms.Primary(g); err != nil || at.Peer != from {
			return none, err
		}
		*heirs = slices.DeleteFunc(append(*heirs, a.Slaves...), func(p dms.Peer) bool {
			return !slices.ContainsFunc(g.Replicas(), func(r dms.Replica) bool { return r.Peer == p })
		})
		slices.Sort(*heirs)
		*heirs = slices.Compact(*heirs)
		return none, nil
	})
	dms.Answer(g, func(ctx context.Context, from dms.Peer, s left) (none dms.None, err error) {
		at, err := dms.Primary(g)
		if err != nil || at.Peer != from {
			return none, err
		}
		for _, r := range g.Replicas() {
			if slices.Contains(s.Slaves, r.Peer) && r.Peer != from {
				err = cmp.Or(err, g.Remove(ctx, r))
			}
		}
		return none, err
	})
}
