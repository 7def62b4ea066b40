package dmtest

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A follower is what a leader knows of another replica.
type follower struct {
	next, match uint64
	confirmed   uint64 // the last round in which it said that this one leads
	heard       time.Time
	served      bool // someone ships to it
}

type (
	appendRequest struct {
		Term     uint64
		From     dms.Peer
		Base     *base  // instead of what comes before the entries, for one that lags
		Prev, Of uint64 // the entry before them, and its term
		Entries  []entry
		Commit   uint64
	}
	appendReply struct {
		Term  uint64
		Yes   bool
		Match uint64 // or where to try next
	}
)

// peer is called under the lock.
func (l *raft) peer(p dms.Peer) *follower {
	f := l.peers[p]
	if f == nil {
		f = &follower{next: l.last() + 1, heard: time.Now()}
		l.peers[p] = f
	}
	return f
}

// reach ships to every replica of the group.
func (l *raft) reach() {
	for _, r := range l.cl.replicas() {
		if r.Peer == l.r.Peer {
			continue
		}
		l.change(func() {
			if f := l.peer(r.Peer); l.leading && !f.served {
				f.served = true
				go l.ship(r.Peer, f, l.term)
			}
		})
	}
}

// ship brings a follower what it lacks while this one leads.
func (l *raft) ship(to dms.Peer, f *follower, term int) {
	defer l.change(func() { f.served = false })
	for l.cl.find(to) != nil {
		var req appendRequest
		var round uint64
		on := false
		l.change(func() {
			if on = l.alive() && l.term == term; on {
				req, round = l.appendFor(f), l.round
			}
		})
		if !on {
			return
		}
		var a appendReply
		err := l.ask(to, req, &a, func(o *raft) any { return o.receive(req) })
		l.obey(a.Term)
		lags := false
		l.change(func() {
			if err != nil || l.term != term {
				return
			}
			f.heard, f.confirmed = time.Now(), max(f.confirmed, round)
			if a.Yes {
				f.match = max(f.match, a.Match)
				f.next = f.match + 1
				l.advance()
				return
			}
			f.next, lags = min(f.next-1, a.Match+1), true
		})
		if lags {
			continue
		}
		ctx, cancel := context.WithTimeout(l.r.life, beat)
		_ = l.until(ctx, func() bool { // or it is time to be heard of
			return l.term != term || err == nil && (l.disk.last() >= f.next || l.round > f.confirmed)
		})
		cancel()
	}
}

// appendFor returns what a follower gets next. It is called under the lock.
func (l *raft) appendFor(f *follower) appendRequest {
	d := l.disk
	req := appendRequest{Term: d.Term, From: l.r.Peer, Commit: l.commit}
	f.next = min(f.next, d.last()+1)
	if f.next <= d.Base.Index {
		b := d.Base
		req.Base, f.next = &b, b.Index+1
	}
	req.Prev = f.next - 1
	req.Of = d.termAt(req.Prev)
	req.Entries = slices.Clone(d.Tail[req.Prev-d.Base.Index:])
	return req
}

// receive takes what a leader ships.
func (l *raft) receive(q appendRequest) (a appendReply) {
	full, wrote := l.full(), false
	l.change(func() {
		d := l.disk
		if a.Term = d.Term; q.Term < d.Term || !l.alive() {
			return
		}
		if q.Term > d.Term {
			d.Term, d.Vote = q.Term, ""
		}
		l.follow(q.From)
		a.Term = d.Term
		wrote = len(q.Entries) > 0 || q.Base != nil
		if wrote && full {
			a.Match = d.last()
			return
		}
		if q.Base != nil && q.Base.Index > l.commit {
			d.Base, d.Tail = *q.Base, nil
			l.commit, l.dirty = q.Base.Index, true
		}
		a.Match, a.Yes = l.accept(q)
	})
	if a.Yes && wrote {
		a.Yes = l.write()
	}
	return a
}

// accept adds entries after one that both have, or says where to try next.
func (l *raft) accept(q appendRequest) (match uint64, ok bool) {
	d := l.disk
	for q.Prev < d.Base.Index && len(q.Entries) > 0 { // the base has it
		q.Prev, q.Of, q.Entries = q.Prev+1, q.Entries[0].Term, q.Entries[1:]
	}
	switch {
	case q.Prev < d.Base.Index:
		return d.Base.Index, d.Base.Index > 0
	case q.Prev > d.last():
		return d.last(), false
	case d.termAt(q.Prev) != q.Of:
		return q.Prev - 1, false
	}
	for i, e := range q.Entries {
		at := q.Prev + 1 + uint64(i)
		if at <= d.last() && d.termAt(at) != e.Term {
			d.Tail = slices.Clone(d.Tail[:at-d.Base.Index-1])
		}
		if at > d.last() {
			d.Tail = append(d.Tail, e)
		}
	}
	match = q.Prev + uint64(len(q.Entries))
	l.commit = max(l.commit, min(q.Commit, match))
	return match, true
}

// advance commits what a majority has on disk. It is called under the lock.
func (l *raft) advance() {
	n := l.majority(func(p dms.Peer) uint64 {
		if p == l.r.Peer {
			return l.disk.last()
		}
		return l.peer(p).match
	})
	if l.leading && n > l.commit && n >= l.disk.Base.Index && l.disk.termAt(n) == l.disk.Term {
		l.commit = n
	}
}

// changeVoters makes the voters follow the group, by one: a replica that has what
// is committed votes; one that was removed does not.
func (l *raft) changeVoters() {
	group := l.cl.replicas()
	if l.turn.Lock(l.r.life) != nil {
		return
	}
	defer l.turn.Unlock()
	l.change(func() {
		if !l.alive() || !l.leading || l.dirty || l.applied != l.last() || l.commit != l.last() {
			return
		}
		voters := slices.Clone(l.voters())
		in := func(p dms.Peer) bool {
			return slices.ContainsFunc(group, func(r dms.Replica) bool { return r.Peer == p })
		}
		joins := slices.IndexFunc(group, func(r dms.Replica) bool {
			return !slices.Contains(voters, r.Peer) && l.peer(r.Peer).match >= l.commit
		})
		gone := slices.IndexFunc(voters, func(p dms.Peer) bool { return !in(p) })
		switch {
		case joins >= 0:
			voters = append(voters, group[joins].Peer)
		case gone >= 0:
			voters = slices.Delete(voters, gone, gone+1)
		default:
			return
		}
		l.ahead = append(l.ahead, &pending{entry: entry{Term: l.disk.Term, Voters: voters}})
		l.applied++
	})
}

// join starts a replica that has nothing and waits until the log counts it.
func (cl *Cluster) join(ctx context.Context, n dms.Node) (dms.Replica, error) {
	r, err := cl.start(n, dms.Snapshot{Image: cl.guest().Snapshot()}, nil)
	if err != nil {
		return dms.Replica{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, NodeLease)
	defer cancel()
	err = r.log.until(ctx, func() bool { return slices.Contains(r.log.disk.voters(), r.Peer) })
	if err != nil {
		return dms.Replica{}, abi.Errorf(abi.Unavailable, "replica %s has not joined the log of its group yet: %v", r.Peer, err)
	}
	return r.Replica, nil
}
