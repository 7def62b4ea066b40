package dmtest

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// keepEntries is how long a log grows before the state is written in its place.
const keepEntries = 16

// A logDisk is what a replica's log has on disk. It outlives the node's process and
// moves with the replica, so a vote is never forgotten.
type logDisk struct {
	Term uint64
	Vote dms.Peer
	Base base    // the state up to some entry
	Tail []entry // those after it

	owner *raft
}

// A base is a checkpoint: the state after the entry Index. Index 0 is none.
type base struct {
	Index, Term uint64
	Voters      []dms.Peer
	State       state
}

// An entry of the log is a call, or a change of the voters.
type entry struct {
	Term   uint64
	Voters []dms.Peer // nil for a call
	Call   dms.Call
}

func (d *logDisk) last() uint64 { return d.Base.Index + uint64(len(d.Tail)) }

// termAt returns the term of an entry from the base on.
func (d *logDisk) termAt(i uint64) uint64 {
	if i == d.Base.Index {
		return d.Base.Term
	}
	return d.Tail[i-d.Base.Index-1].Term
}

func (d *logDisk) voters() []dms.Peer {
	for _, e := range slices.Backward(d.Tail) {
		if e.Voters != nil {
			return e.Voters
		}
	}
	return d.Base.Voters
}

// votersAt returns the voters as of an entry.
func (d *logDisk) votersAt(i uint64) []dms.Peer {
	upTo := logDisk{Base: d.Base, Tail: d.Tail[:i-d.Base.Index]}
	return upTo.voters()
}

// full reports whether nothing can be written where l is.
func (l *raft) full() bool {
	n := l.cl.node(l.r.Node.ID)
	l.cl.mu.Lock()
	defer l.cl.mu.Unlock()
	return n.full
}

// write takes the time that a disk takes. It reports whether it was written.
func (l *raft) write() bool {
	select {
	case <-time.After(diskTime):
		return true
	case <-l.r.life.Done():
		return false
	}
}

// writeAll writes a leader's entries, all that there are at a time.
func (l *raft) writeAll() {
	for {
		n := 0
		if l.until(l.r.life, func() bool { n = len(l.ahead); return n > 0 || l.closed }) != nil || n == 0 {
			return
		}
		term := 0
		l.change(func() { term, n = l.term, len(l.ahead) })
		if !l.write() {
			return
		}
		full := l.full()
		l.change(func() {
			switch {
			case l.term != term || !l.alive(): // they are gone already
			case full:
				l.refuse()
			default:
				for _, p := range l.ahead[:n] {
					l.disk.Tail = append(l.disk.Tail, p.entry)
				}
				l.ahead = l.ahead[n:]
				l.advance()
			}
		})
	}
}

// refuse gives up all entries that are not on disk: no one else has them. One that
// others may stand in for lets them lead.
func (l *raft) refuse() {
	for _, p := range l.ahead {
		p.err = abi.Errorf(abi.Storage, "the disk of %s is full; the call did not run", l.r.Node.ID)
	}
	l.ahead, l.dirty = nil, true
	l.term++ // reads that saw them are void
	if len(l.voters()) > 1 {
		l.follow("")
	}
}

// applyAll carries out what is committed, and goes back to it when told to.
func (l *raft) applyAll() {
	for {
		if l.until(l.r.life, func() bool { return l.closed || l.dirty || l.commit > l.applied }) != nil {
			return
		}
		if l.turn.Lock(l.r.life) != nil {
			return
		}
		if !l.applyNext() {
			l.turn.Unlock()
			return
		}
		l.turn.Unlock()
	}
}

// applyNext applies one entry, or the base. It reports whether to go on.
func (l *raft) applyNext() (again bool) {
	var from state
	var e entry
	back, next := false, false
	l.change(func() {
		switch again = l.alive(); {
		case !again:
		case l.dirty:
			l.dirty, l.applied = false, l.disk.Base.Index
			from, back = l.disk.Base.State, l.disk.Base.Index > 0
		case l.commit > l.applied && l.applied < l.disk.last():
			e, next = l.disk.Tail[l.applied-l.disk.Base.Index], true
		}
	})
	switch {
	case back:
		l.restore(from)
	case next:
		if e.Voters == nil {
			_, _ = l.apply(context.Background(), e.Call) // the leader has answered with the same
		}
		l.change(func() {
			if !l.dirty {
				l.applied++
			}
		})
	}
	return again
}

// checkpoint writes the state in the place of the entries that led to it.
func (l *raft) checkpoint() {
	if l.full() || l.turn.Lock(l.r.life) != nil {
		return
	}
	defer l.turn.Unlock()
	due := false
	l.change(func() {
		due = l.alive() && !l.dirty && l.applied <= l.commit && l.applied >= l.disk.Base.Index+keepEntries
	})
	if !due {
		return
	}
	s := l.capture()
	l.change(func() {
		if d := l.disk; l.alive() && !l.dirty {
			b := base{Index: l.applied, Term: d.termAt(l.applied), Voters: d.votersAt(l.applied), State: s}
			d.Tail = slices.Clone(d.Tail[l.applied-d.Base.Index:])
			d.Base = b
		}
	})
}
