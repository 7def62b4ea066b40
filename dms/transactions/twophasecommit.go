package transactions

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("TwoPhaseCommit", func() dms.DM { return &TwoPhaseCommit{TTL: 10 * time.Second} })
}

// TwoPhaseCommit makes each call from outside one transaction, over all microservices
// that it calls.
//
// Guarantees: serializable, atomic and durable. The microservice that is called from
// outside a transaction coordinates one; those that it calls, and those that these
// call, take part. If its method succeeds, what all did is on disk before the answer;
// if it fails, with whatever error, nothing of it remains anywhere. One transaction is
// at a microservice at a time, and others wait. Two that wait for each other do not:
// the younger is rolled back and run again (wait-die, Rosenkrantz, Stearns and Lewis,
// TODS 3(2), 1978), as often as the deadline of its call allows. The decision is on
// disk before it is told (presumed abort, Mohan, Lindsay and Obermarck, TODS 11(4),
// 1986). A participant that failed after its vote asks, and finishes; until then it is
// all that waits, also if it is the coordinator that failed. One that has not voted and
// whose coordinator is gone rolls back by itself after ttl. An error of code
// unavailable leaves open whether the whole was committed.
//
// Costs: for a microservice that takes part two messages, or three if it was written
// to, and two writes of its whole state to disk; for the coordinator one. A call that
// calls no other is one write. One that writes nothing costs no disk.
//
// Needs: this DM at every microservice that is called, else the call is refused. A disk
// that outlives the kernel. Only what runs inside is undone, so no methods with other
// effects; a transaction may be run several times before it is committed once.
//
// Verbs: none; a microservice sends no verb in a transaction.
type TwoPhaseCommit struct {
	TTL time.Duration `doc:"how long a transaction waits for another, or for a coordinator that cannot be reached, before it is rolled back"`
}

// Validate implements dms.Validator.
func (d *TwoPhaseCommit) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *TwoPhaseCommit) Concerns() dms.Concerns {
	const beside = "TwoPhaseCommit commits what ran at the replica, and the other runs calls beside their callers"
	return dms.Concerns{
		Owns: []dms.Trait{dms.Recovery},
		Has:  []dms.Trait{dms.Transacts},
		Minds: map[dms.Trait]string{
			dms.AtCallers:      beside,
			dms.ReadsAtCallers: beside,
			dms.Spreads:        "TwoPhaseCommit lets one transaction in at a time, and the other runs calls at several places at once",
			dms.Membership:     "TwoPhaseCommit keeps what it knows of a transaction at the one replica of a microservice",
			dms.Orders:         "TwoPhaseCommit lets one transaction in at a time already, and calls that wait for their turn would hold up the one that is in; take the other away",
		},
	}
}

// Proxy implements dms.Proxier.
func (d *TwoPhaseCommit) Proxy(_ dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Tx != "" && call.Verb != "" {
			return nil, abi.Errorf(abi.Refused, "the verb %s cannot be part of a transaction; send it outside", call.Verb)
		}
		for {
			out, err := next(ctx, call)
			if abi.CodeOf(err) != abi.Leased || ctx.Err() != nil || call.Tx != "" {
				return out, err
			}
			select { // the call has not run: others were in its way
			case <-time.After(pause):
			case <-ctx.Done():
				return nil, err
			}
		}
	}
}

// Instance implements dms.Instancer.
func (d *TwoPhaseCommit) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	p := &participant{c: c, next: next, ttl: d.TTL, turn: dms.NewMutex(), hold: dms.Keep(c, "hold", hold{}), heard: time.Now()}
	o := &coordinator{p: p, active: map[string]*attempt{}, ages: map[uint64]time.Time{}, told: dms.Keep(c, "decided", map[string][]dms.Peer{})}
	p.decided, p.open = o.decided, func(tx string) bool { _, open := o.look(tx); return open }
	c.OnRecover(func(ctx context.Context) error { return p.recover(ctx, o) })
	c.OnDrain(func(ctx context.Context) error { return p.drain(ctx, o) })
	c.Every(time.Second, func(ctx context.Context) {
		p.settle(ctx)
		o.finish(ctx)
	})
	dms.Answer(c, o.join)
	dms.Answer(c, o.doom)
	dms.Answer(c, o.outcome)
	dms.Answer(c, p.prepare)
	dms.Answer(c, p.finish)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Tx == "" {
			return o.call(ctx, call)
		}
		return p.call(ctx, call)
	}
}

// What coordinators and participants say to each other. Tx is the name of a
// transaction.
type (
	join    struct{ Tx string } // answered if it is under way, and the sender new to it
	doom    struct{ Tx string } // it must be rolled back, and run again
	prepare struct{ Tx string }
	vote    struct{ Read, Yes bool } // neither is no; who only read is done
	finish  struct {
		Tx     string
		Commit bool
	}
	outcome struct{ Tx string }
	verdict struct{ Open, Committed bool } // neither is rolled back
)
