package raftlog

import (
	"context"
	"encoding/binary"

	"go.etcd.io/raft/v3"

	"amino.run/abi"
	"amino.run/dms"
)

// Reads wait until the leader has made sure that it leads (Raft, section 6.4). Those
// that come while one such round is under way share the next.
type reads struct {
	round  uint64
	flying []chan readAnswer
	next   []chan readAnswer
}

// A readAnswer is the entry that a reader must not be before.
type readAnswer struct {
	index uint64
	err   error
}

// answer ends a round.
func (r *reads) answer(rs raft.ReadState) {
	if len(rs.RequestCtx) != 8 || binary.BigEndian.Uint64(rs.RequestCtx) != r.round {
		return
	}
	for _, w := range r.flying {
		w <- readAnswer{index: rs.Index}
	}
	r.flying = nil
}

// finish turns all away.
func (r *reads) finish(err error) {
	for _, w := range append(r.flying, r.next...) {
		w <- readAnswer{err: err}
	}
	r.flying, r.next = nil, nil
}

// askReads begins a round if there are readers and none is under way. mu is held.
func (l *Log) askReads() {
	if len(l.reads.flying) > 0 || len(l.reads.next) == 0 {
		return
	}
	l.reads.flying, l.reads.next = l.reads.next, nil
	l.reads.round++
	l.node.ReadIndex(number(l.reads.round))
}

// confirm waits until it is certain that a leader led after now, and returns what was
// committed by then.
func (l *Log) confirm(ctx context.Context) (index uint64, err error) {
	w := make(chan readAnswer, 1)
	l.mu.Lock()
	if err = l.err; err == nil && !l.running {
		err = dms.NotLeader(l.led())
	}
	if err == nil {
		l.reads.next = append(l.reads.next, w)
		l.askReads()
		l.advance()
	}
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	select {
	case a := <-w:
		return a.index, a.err
	case <-ctx.Done():
		return 0, abi.Errorf(abi.Unavailable, "no majority of the replicas answers (the call changes nothing)")
	}
}

// Sync waits until the machine here is after all that was answered anywhere before,
// and nothing of it can be undone.
func (l *Log) Sync(ctx context.Context) error {
	index, err := l.confirm(ctx)
	if err != nil {
		return err
	}
	return l.await(ctx, func() bool {
		return l.applied >= index && !l.dirty && l.pending == nil && len(l.inflight) == 0
	})
}
