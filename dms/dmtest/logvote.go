package dmtest

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// The times of a log: a leader is heard of every beat, and one that is not heard of
// for longer than patience has its place taken.
const (
	beat     = 250 * time.Millisecond
	patience = 1500 * time.Millisecond
)

type (
	voteRequest struct {
		Term              uint64
		Pre               bool // would you vote for me?
		Forced            bool // the leader itself asked for it
		LastIndex, LastOf uint64
		From              dms.Peer
	}
	voteReply struct {
		Term uint64
		Yes  bool
	}
)

// tick looks after the log now and then.
func (l *raft) tick() {
	wait := patience
	for {
		select {
		case <-time.After(beat / 2):
		case <-l.r.life.Done():
			return
		}
		var campaign, change, lead, forced, over bool
		l.change(func() {
			over = l.closed
			if !l.alive() {
				return
			}
			forced = l.asked && !l.leading
			lead, l.asked = l.leading, false
			change = lead && l.applied == l.last() && l.commit == l.last()
			campaign = !lead && slices.Contains(l.voters(), l.r.Peer) && (forced || time.Since(l.heard) > wait)
			if lead {
				l.mark() // there is none if the disk was full
			}
			if lead && l.silence() > patience {
				l.follow("")
			}
		})
		switch {
		case over:
			return
		case campaign:
			wait = patience + time.Duration(l.r.parts[l.layer].Rand(int(patience)))
			if !l.full() && (forced || l.poll(true, false)) {
				l.poll(false, forced)
			}
		case change:
			l.changeVoters()
		}
		l.checkpoint()
		if lead {
			l.reach()
		}
	}
}

// silence returns for how long a majority has not been heard of.
func (l *raft) silence() time.Duration {
	at := l.majority(func(p dms.Peer) uint64 {
		if p == l.r.Peer {
			return uint64(time.Now().UnixNano())
		}
		return uint64(l.peer(p).heard.UnixNano())
	})
	return time.Since(time.Unix(0, int64(at)))
}

// poll asks the voters for their votes, and leads if it wins and was not just asking.
func (l *raft) poll(pre, forced bool) (won bool) {
	var req voteRequest
	var voters []dms.Peer
	l.change(func() {
		d := l.disk
		if !pre {
			d.Term, d.Vote, l.leader = d.Term+1, l.r.Peer, ""
		}
		req = voteRequest{Term: d.Term, Pre: pre, Forced: forced, LastIndex: d.last(), LastOf: d.termAt(d.last()), From: l.r.Peer}
		if pre {
			req.Term++
		}
		voters = l.voters()
	})
	yes := make(chan bool, len(voters))
	for _, p := range voters {
		if p == l.r.Peer {
			yes <- true
			continue
		}
		go func() {
			var a voteReply
			err := l.ask(p, req, &a, func(o *raft) any { return o.vote(req) })
			l.obey(a.Term)
			yes <- err == nil && a.Yes
		}()
	}
	votes := 0
	for range voters {
		if <-yes {
			votes++
		}
	}
	l.change(func() {
		switch won = votes > len(voters)/2; {
		case !won:
			l.heard = time.Now() // try again later
		case !pre && l.alive() && l.disk.Term == req.Term && !l.leading:
			l.win()
		}
	})
	return won
}

// win makes this replica the leader. Its first entry commits those before it.
func (l *raft) win() {
	l.leading, l.leader = true, l.r.Peer
	l.term++
	l.ahead = nil
	clear(l.peers)
	l.mark()
}

// mark adds an entry of this leader's own term, if there is none.
func (l *raft) mark() {
	if d := l.disk; len(l.ahead) == 0 && d.termAt(d.last()) != d.Term {
		l.ahead = []*pending{{entry: entry{Term: d.Term, Voters: d.voters()}}}
	}
}

// follow makes this replica one that does not lead. What it applied that was not
// committed is taken back.
func (l *raft) follow(leader dms.Peer) {
	if l.leading {
		l.leading, l.dirty, l.ahead = false, true, nil
		l.term++
	}
	l.leader, l.heard = leader, time.Now()
}

// obey makes this replica follow if there is a later term than its own.
func (l *raft) obey(term uint64) {
	l.change(func() {
		if l.alive() && term > l.disk.Term {
			l.disk.Term, l.disk.Vote = term, ""
			l.follow("")
		}
	})
}

// vote answers one who would lead.
func (l *raft) vote(q voteRequest) (a voteReply) {
	full := l.full()
	l.change(func() {
		d := l.disk
		a.Term = d.Term
		content := l.leader != "" && (l.leading || time.Since(l.heard) < patience)
		if full || q.Term < d.Term || content && !q.Forced {
			return
		}
		if !q.Pre && q.Term > d.Term {
			d.Term, d.Vote = q.Term, ""
			l.follow("")
		}
		last := d.termAt(d.last())
		newer := q.LastOf > last || q.LastOf == last && q.LastIndex >= d.last()
		a.Yes = newer && (q.Pre || d.Vote == "" || d.Vote == q.From)
		if a.Yes && !q.Pre {
			d.Vote, l.heard = q.From, time.Now()
		}
		a.Term = d.Term
	})
	return a
}

// yield asks the follower that has most to lead instead, and waits a little for it.
func (l *raft) yield(ctx context.Context) {
	var to dms.Peer
	l.change(func() {
		most := uint64(0)
		for _, p := range l.voters() {
			if f := l.peers[p]; l.leading && f != nil && f.match >= most && p != l.r.Peer {
				to, most = p, f.match
			}
		}
	})
	if to == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = l.ask(to, dms.None{}, new(dms.None), func(o *raft) any { // else another will lead in time
		o.change(func() { o.asked = true })
		return dms.None{}
	})
	_ = l.until(ctx, func() bool { return !l.leading })
}

// ask carries a message to the raft of another replica and its answer back into a.
func (l *raft) ask(to dms.Peer, req, a any, f func(o *raft) any) error {
	ctx, cancel := context.WithTimeout(l.r.life, patience)
	defer cancel()
	r := l.cl.find(to)
	if r == nil {
		return unreachable(string(to))
	}
	b, err := l.cl.roundTrip(ctx, l.r.Node.ID, r.Node.ID, func(context.Context) ([]byte, error) {
		o := l.cl.find(to)
		if o == nil || o.Node.ID != r.Node.ID || o.log == nil {
			return nil, unreachable(string(to))
		}
		alive := false
		o.log.change(func() { alive = o.log.alive() })
		if !alive {
			return nil, unreachable(string(to))
		}
		return abi.Encode(f(o.log))
	})
	if err != nil {
		return err
	}
	return abi.Decode(b, a)
}
