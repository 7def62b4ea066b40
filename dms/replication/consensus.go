package replication

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// The pauses between rounds of a search for the leader.
const (
	firstPause = 20 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// consensus is a replicated state machine: a call runs at every replica, in one
// order, and is answered when a majority has it on disk. The DMs that embed it add
// where the replicas are.
type consensus struct {
	Replicas int           `doc:"how many there are, an odd number; 2f+1 go on when f are lost"`
	Timeout  time.Duration `doc:"for how long a call looks for a replica that leads"`
}

// defaults outlive a leader several times over.
var defaults = consensus{Replicas: 3, Timeout: 10 * time.Second}

// Validate implements dms.Validator.
func (d *consensus) Validate() error {
	if d.Replicas > 0 && d.Replicas%2 == 0 {
		return fmt.Errorf("replicas=%d outlive no more losses than %d do; write replicas=%d or replicas=%d",
			d.Replicas, d.Replicas-1, d.Replicas-1, d.Replicas+1)
	}
	return cmp.Or(dms.Positive("replicas", d.Replicas), dms.Positive("timeout", d.Timeout))
}

// Concerns implements dms.Concerned.
func (d *consensus) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Routes, dms.Membership, dms.Recovery},
		Has:  []dms.Trait{dms.Orders},
		Minds: map[dms.Trait]string{
			dms.Freezes: "the state never changes, so there is nothing to agree on; take the replicas away",
			dms.OneNode: "one keeps the microservice to one node, and the other needs a node for each replica",
		},
	}
}

// Proxy implements dms.Proxier.
func (d *consensus) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	s := &search{consensus: d, c: c}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		r, err := s.next("", nil)
		if err != nil {
			return nil, err
		}
		out, err := c.Invoke(ctx, r, call)
		if err == nil || !lost(err) {
			return out, err
		}
		return s.again(ctx, call, r, err)
	}
}

// A search finds the replica that leads. It is used by all calls of a proxy.
type search struct {
	*consensus
	c      dms.Caller
	leader atomic.Pointer[dms.Peer] // that answered last
}

// lost reports whether err says that another replica may do better. A call that may
// have run is sent again all the same: the replicas know it.
func lost(err error) bool {
	code := abi.CodeOf(err)
	return code == abi.NotLeader || code == abi.Unavailable
}

// next returns the replica to try after the one at was tried and said err: the
// leader it named, else the one after it; at first, the one that answered last.
func (s *search) next(at dms.Peer, err error) (dms.Replica, error) {
	all := s.c.Replicas()
	if len(all) == 0 {
		return dms.Replica{}, abi.Errorf(abi.Unavailable, "the microservice has no replica now")
	}
	find := func(p dms.Peer) int {
		return slices.IndexFunc(all, func(r dms.Replica) bool { return r.Peer == p })
	}
	if err != nil {
		if named := find(dms.LeaderOf(err)); named >= 0 && all[named].Peer != at {
			return all[named], nil
		}
		return all[(find(at)+1)%len(all)], nil
	}
	if p := s.leader.Load(); p != nil {
		return all[max(0, find(*p))], nil
	}
	return all[0], nil
}

// again carries out a call whose first attempt, at r, ended with err.
func (s *search) again(ctx context.Context, call dms.Call, r dms.Replica, err error) (out []byte, _ error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	mayHaveRun := abi.CodeOf(err).Fate() != abi.NotRun
	for tries, pause := 1, firstPause; ; tries++ {
		if tries%(len(s.c.Replicas())+1) == 0 { // all were asked, and some were named
			if !dms.Rest(ctx, s.c, pause) {
				return nil, dms.GaveUp(tries, time.Since(start), mayHaveRun, err)
			}
			pause = min(2*pause, maxPause)
		}
		if r, err = s.next(r.Peer, err); err != nil {
			return nil, dms.GaveUp(tries, time.Since(start), mayHaveRun, err)
		}
		out, err = s.c.Invoke(ctx, r, call)
		switch fate := abi.CodeOf(err).Fate(); {
		case err == nil || fate == abi.Ran:
			s.leader.Store(&r.Peer)
			return out, err
		case ctx.Err() != nil || !lost(err) && mayHaveRun:
			return nil, dms.GaveUp(tries+1, time.Since(start), mayHaveRun, err)
		case !lost(err):
			return nil, err
		default:
			mayHaveRun = mayHaveRun || fate != abi.NotRun
		}
	}
}

// Instance implements dms.Instancer.
func (d *consensus) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	answers := dms.Keep(c, "answers", dms.Answers{})
	return dms.OpenLog(c, func(ctx context.Context, call dms.Call) ([]byte, error) {
		return answers.Once(ctx, call, next)
	}).Propose
}
