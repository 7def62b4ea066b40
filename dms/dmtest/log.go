package dmtest

import (
	"bytes"
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A raft is one replica's side of its group's log: Raft (Ongaro and Ousterhout,
// USENIX ATC 2014), in memory but for its disk, with messages that may be late,
// lost or out of order as all of the cluster's.
type raft struct {
	monitor // guards all below but turn, and the disk while it is this raft's

	cl    *Cluster
	r     *replica
	layer int
	apply dms.Handler
	turn  dms.Mutex // held by who applies; taken before the lock

	disk    *logDisk
	closed  bool // another raft has the disk now
	leader  dms.Peer
	leading bool
	term    int // goes up when what was begun is void: it came to lead, ceased to, or went back
	heard   time.Time
	asked   bool // to campaign at once
	commit  uint64
	applied uint64
	dirty   bool // the state has to go back to the disk's

	ahead []*pending // a leader's entries that are not on its disk yet
	peers map[dms.Peer]*follower
	round uint64 // of confirmations that this one leads
}

// A pending entry is being written. Its err is set if it cannot be.
type pending struct {
	entry
	err error
}

// Log implements dms.Callee.
func (c *callee) Log(apply dms.Handler) dms.Log {
	if c.r.log != nil {
		panic("dmtest: two logs in one chain")
	}
	c.r.log = &raft{
		monitor: newMonitor(), cl: c.r.cl, r: c.r, layer: c.layer, apply: apply, turn: dms.NewMutex(),
		peers: map[dms.Peer]*follower{},
	}
	return c.r.log
}

// Leader implements dms.Log.
func (l *raft) Leader() dms.Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader
}

// Propose implements dms.Log.
func (l *raft) Propose(ctx context.Context, call dms.Call) ([]byte, error) {
	return l.propose(ctx, call, l.apply)
}

// snapshot captures what a majority has, as a readonly call sees it.
func (l *raft) snapshot(ctx context.Context) (s dms.Snapshot, err error) {
	_, err = l.propose(ctx, dms.Call{ReadOnly: true}, func(ctx context.Context, _ dms.Call) (_ []byte, err error) {
		s, err = l.r.runner.snapshot(ctx)
		return nil, err
	})
	return s, err
}

func (l *raft) propose(ctx context.Context, call dms.Call, apply dms.Handler) ([]byte, error) {
	term, err := l.lead(ctx)
	if err != nil {
		return nil, err
	}
	before := l.capture()
	out, err := apply(context.WithoutCancel(ctx), call)
	void := abi.AsError(err)
	leaves := !call.ReadOnly && (void == nil || void.State != abi.StateBefore)
	if !leaves {
		l.untouched(call, before)
	}
	var at, round uint64
	var mine *pending
	l.change(func() {
		if l.term != term {
			return
		}
		if leaves {
			mine = &pending{entry: entry{Term: l.disk.Term, Call: call}}
			l.ahead = append(l.ahead, mine)
			l.applied++
		}
		if !leaves {
			l.round++
		}
		at, round = l.last(), l.round
	})
	l.turn.Unlock()

	var lost error
	wait := l.until(ctx, func() bool {
		switch {
		case mine != nil && mine.err != nil:
			lost = mine.err
		case l.term != term:
			lost = abi.Errorf(abi.Unavailable, "replica %s ceased to lead before a majority had the call", l.r.Peer)
		default:
			return l.commit >= at && (leaves || l.confirmed(round))
		}
		return true
	})
	if wait != nil {
		return nil, wait
	}
	if lost != nil {
		return nil, lost
	}
	return out, err
}

// lead waits until this replica leads and has applied all there is, and returns
// with the turn taken.
func (l *raft) lead(ctx context.Context) (term int, err error) {
	for {
		if err := l.turn.Lock(ctx); err != nil {
			return 0, err
		}
		l.mu.Lock()
		term, leading, leader := l.term, l.leading, l.leader
		ready := !l.dirty && l.applied == l.last()
		l.mu.Unlock()
		if leading && ready {
			return term, nil
		}
		l.turn.Unlock()
		if !leading {
			return 0, dms.NotLeader(leader)
		}
		if err := l.until(ctx, func() bool { return l.term != term || !l.dirty && l.applied == l.last() }); err != nil {
			return 0, err
		}
	}
}

// untouched makes the state what it was before the call, which for a readonly call
// it must be already.
func (l *raft) untouched(call dms.Call, before state) {
	if !call.ReadOnly {
		l.restore(before)
		return
	}
	for i, now := range l.capture().Cells {
		for name, b := range now {
			if !bytes.Equal(b, before.Cells[i][name]) {
				l.cl.t.Errorf("a readonly call of %s changed the cell %q", call.Method, name)
			}
		}
	}
}

// A state is what a log keeps the same everywhere: the guest, and the cells of the
// layers up to the one that opened the log.
type state struct {
	Guest dms.Snapshot
	Cells []cells
}

// capture is called with the turn taken.
func (l *raft) capture() state {
	s, err := l.r.snapshot(context.Background())
	if err != nil {
		panic(err) // nothing ends the context
	}
	return state{s, keptBy(l.r.parts[:l.layer+1])}
}

// restore is called with the turn taken.
func (l *raft) restore(s state) {
	l.r.put(s.Guest)
	for i, p := range l.r.parts[:l.layer+1] {
		if p != nil && s.Cells != nil {
			p.putBack(s.Cells[i])
		}
	}
}

// begin takes the disk over from the raft that had it, and takes part.
func (l *raft) begin() {
	cl := l.cl
	cl.mu.Lock()
	d := cl.logs[l.r.Peer]
	if d == nil {
		d = &logDisk{}
		cl.logs[l.r.Peer] = d
		if len(cl.group) == 0 { // the first one: the log begins here
			d.Term, d.Base = 1, base{Index: 1, Term: 1, Voters: []dms.Peer{l.r.Peer}}
		}
	}
	old := d.owner
	d.owner = l
	cl.mu.Unlock()
	if old != nil {
		old.change(func() { old.closed = true })
	}
	if d.Base.Index == 1 && d.Base.State.Cells == nil {
		d.Base.State = l.capture()
	}
	l.change(func() {
		l.disk, l.dirty, l.heard = d, true, time.Now()
		l.commit = d.Base.Index
		if slices.Equal(d.voters(), []dms.Peer{l.r.Peer}) { // its own vote is enough
			d.Term, d.Vote = d.Term+1, l.r.Peer
			l.win()
		}
	})
	go l.applyAll()
	go l.writeAll()
	go l.tick()
}

// alive reports whether this raft may still act. It is called under the lock.
func (l *raft) alive() bool { return l.disk != nil && !l.closed && l.r.here() == nil }

// last returns the index of the last entry, on disk or not.
func (l *raft) last() uint64 { return l.disk.last() + uint64(len(l.ahead)) }

// voters returns those of whom a majority counts.
func (l *raft) voters() []dms.Peer {
	for _, p := range slices.Backward(l.ahead) {
		if p.Voters != nil {
			return p.Voters
		}
	}
	return l.disk.voters()
}

// majority returns the greatest number that a majority of the voters has reached.
func (l *raft) majority(reached func(p dms.Peer) uint64) uint64 {
	var all []uint64
	for _, p := range l.voters() {
		all = append(all, reached(p))
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[(len(all)-1)/2]
}

// confirmed reports whether a majority has said since that round that this one leads.
func (l *raft) confirmed(round uint64) bool {
	return l.majority(func(p dms.Peer) uint64 {
		if p == l.r.Peer {
			return l.round
		}
		return l.peer(p).confirmed
	}) >= round
}
