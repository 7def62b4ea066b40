package dmtest

import (
	"context"
	"errors"

	"amino.run/dms"
)

// roundTrip takes a request from one node to another, does it there and brings the
// answer back. One that no longer waits, because ctx ended, gets ctx's error, and
// the request goes on: it may be late, but it arrives.
func (cl *Cluster) roundTrip(ctx context.Context, from, to string, do func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	life, up := cl.life(from)
	if !up {
		return nil, unreachable(from)
	}
	go func() {
		var r result
		r.out, r.err = cl.carry(context.WithoutCancel(ctx), from, to, do)
		done <- r
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-life.Done():
		return nil, unreachable(from)
	}
}

func (cl *Cluster) carry(ctx context.Context, from, to string, do func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(cl.ctx, cancel)()
	if err := cl.net.pass(ctx, from, to, false); err != nil {
		return nil, err
	}
	life, up := cl.life(to)
	if !up {
		return nil, unreachable(to)
	}
	defer context.AfterFunc(life, cancel)()
	out, err := do(ctx)
	if life.Err() != nil {
		return nil, unreachable(to)
	}
	if lost := cl.net.pass(ctx, to, from, true); lost != nil {
		return nil, lost
	}
	return out, err
}

// errMoved says that a replica has moved away; it is followed.
var errMoved = errors.New("moved")

// invoke carries out a call at the replica with this address, the primary if it is
// empty, wherever the replica moves meanwhile.
func (cl *Cluster) invoke(ctx context.Context, from string, at dms.Peer, call dms.Call) ([]byte, error) {
	for {
		r, err := cl.target(at)
		if err != nil {
			return nil, err
		}
		out, err := cl.roundTrip(ctx, from, r.Node.ID, func(ctx context.Context) ([]byte, error) {
			return r.call(ctx, call)
		})
		if err != errMoved {
			return out, err
		}
	}
}

// target returns a replica by its address, the primary if it is empty.
func (cl *Cluster) target(at dms.Peer) (*replica, error) {
	if m := cl.shard(at); m != nil {
		return m.target("")
	}
	for i, r := range cl.ownReplicas() {
		if r.Peer == at || at == "" && i == 0 {
			return r, nil
		}
	}
	return nil, unreachable(string(at))
}

// foreign marks the context of a message of another microservice.
type foreign struct{}

// deliver carries a message of a layer to a part and brings the answer back.
func (cl *Cluster) deliver(ctx context.Context, p *part, to dms.Peer, kind string, body []byte) ([]byte, error) {
	at, err := cl.home(to)
	if err != nil {
		return nil, err
	}
	if cl.elsewhere(to) != nil {
		ctx = context.WithValue(ctx, foreign{}, true)
	}
	return cl.roundTrip(ctx, p.node.ID, at, func(ctx context.Context) ([]byte, error) {
		for {
			q, err := cl.partAt(to, p.layer, kind)
			if err != nil {
				return nil, err
			}
			if out, err := q.answer(ctx, p.peer, kind, body); err != errMoved {
				return out, err
			}
		}
	})
}
