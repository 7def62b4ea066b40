package raftlog

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"amino.run/abi"
	"amino.run/dms"
)

// All of this file runs with mu held.

// newNode makes the raft node of what was read back.
func (l *Log) newNode(s *saved) (err error) {
	l.mem = &memory{MemoryStorage: raft.NewMemoryStorage(), l: l}
	l.base, l.onDisk, l.diskIndex, l.applied = s.base, s.base.state, s.base.index, s.base.index
	l.conf = []confAt{{s.base.index, s.base.conf}}
	l.hard, l.synced = s.hard, s.hard
	l.last, l.written = s.last(), s.last()
	err = errors.Join(
		l.mem.ApplySnapshot(&pb.Snapshot{Metadata: s.base.meta()}),
		l.mem.Append(s.entries),
		l.mem.SetHardState(s.hard),
	)
	for _, e := range s.entries {
		l.grown.bytes += len(e.GetData())
	}
	if err != nil {
		return err
	}
	l.node, err = raft.NewRawNode(&raft.Config{
		ID: l.cfg.ID, ElectionTick: election, HeartbeatTick: heartbeat,
		Storage: l.mem, Applied: s.base.index, AsyncStorageWrites: true,
		MaxSizePerMsg: 1 << 20, MaxCommittedSizePerReady: 8 << 20, MaxInflightMsgs: 256,
		CheckQuorum: true, PreVote: true, DisableProposalForwarding: true, StepDownOnRemoval: true,
		Logger: quiet{l.cfg.Log},
	})
	return err
}

func (c *checkpoint) meta() *pb.SnapshotMetadata {
	return &pb.SnapshotMetadata{Index: new(c.index), Term: new(c.term), ConfState: c.conf}
}

// A memory is the log as raft reads it. The checkpoint is put together when a replica
// that lags needs it.
type memory struct {
	*raft.MemoryStorage
	l *Log
}

// InitialState implements raft.Storage.
func (m *memory) InitialState() (*pb.HardState, *pb.ConfState, error) {
	h, _, err := m.MemoryStorage.InitialState()
	return h, m.l.base.conf, err
}

// Snapshot implements raft.Storage.
func (m *memory) Snapshot() (*pb.Snapshot, error) {
	b := &m.l.base
	return &pb.Snapshot{Data: appendState(nil, &b.state), Metadata: b.meta()}, nil
}

// advance does what raft has to be done, until there is nothing.
func (l *Log) advance() {
	for l.err == nil {
		if len(l.steps) > 0 {
			steps := l.steps
			l.steps = nil
			for _, m := range steps {
				l.stepOrSend(m)
			}
			continue
		}
		switch {
		case l.node.HasReady():
			l.ready(l.node.Ready())
		case l.pending != nil && l.mayCut():
			l.cut()
		case l.settled:
			l.settled = false
			l.followMembers()
		default:
			l.tell()
			return
		}
	}
	l.tell()
}

func (l *Log) stepOrSend(m *pb.Message) {
	if m.GetTo() == l.cfg.ID {
		_ = l.node.Step(m) // one that comes too late is refused
		return
	}
	b, err := proto.Marshal(m)
	if err != nil {
		l.fail(abi.Errorf(abi.Internal, "a message of the log: %v", err))
		return
	}
	l.cfg.Transport.Send(m.GetTo(), b)
}

func (l *Log) ready(rd raft.Ready) {
	was := l.hard.GetTerm()
	if !raft.IsEmptyHardState(rd.HardState) {
		l.hard = rd.HardState
	}
	if l.lead != nil && l.hard.GetTerm() != was {
		l.depose(errDeposed)
	}
	for _, e := range rd.Entries {
		l.last = e.GetIndex()
		l.grown.bytes += len(e.GetData())
		if l.proposed != nil && isCalls(e) {
			l.proposed.index, l.proposed = l.last, nil
		}
	}
	if s := rd.SoftState; s != nil {
		l.leader = s.Lead
		l.rule(s.RaftState == raft.StateLeader)
	}
	l.commit(l.hard.GetCommit())
	for _, rs := range rd.ReadStates {
		l.reads.answer(rs)
	}
	for _, m := range rd.Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			l.append(m)
		case raft.LocalApplyThread:
			l.deliver(m)
		default:
			l.stepOrSend(m)
		}
	}
	l.askReads()
}

// isCalls reports whether an entry carries calls.
func isCalls(e *pb.Entry) bool { return e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 }

// rule begins or ends a reign.
func (l *Log) rule(leads bool) {
	switch {
	case leads && l.lead == nil:
		l.lead = &reign{after: l.last}
		l.serve()
	case !leads && l.lead != nil:
		l.depose(errDeposed)
	}
}

// serve lets calls in if the machine is where it must be.
func (l *Log) serve() {
	if r := l.lead; r != nil && !r.serving && !l.dirty && !l.busy && len(l.tasks) == 0 && l.applied >= r.after {
		r.serving = true
		l.followMembers()
	}
}

// depose ends a reign. What ran and is not committed is undone; that it may be
// committed yet, by another leader, those who wait for it are told.
func (l *Log) depose(err error) {
	if l.lead == nil {
		return
	}
	l.dirty = l.dirty || l.inside || l.pending != nil || len(l.inflight) > 0
	for _, b := range l.inflight {
		b.finish(err)
	}
	if l.pending != nil {
		l.pending.finish(err)
	}
	l.lead, l.pending, l.proposed, l.inflight, l.asked = nil, nil, nil, nil, 0
	l.reads.finish(dms.NotLeader(l.led()))
	l.kick()
}

// suspend makes the machine go back and come to where it was, because no one knows
// in which state it is. The reign goes on then.
func (l *Log) suspend() {
	if l.pending != nil {
		l.cut()
	}
	if l.lead != nil {
		l.lead.serving, l.lead.after = false, l.last
	}
	l.dirty = true
	l.kick()
}

// pace is how long calls wait for the entry before theirs to be committed. Where a
// majority is near, each entry has all that came meanwhile; where it is far, several
// are on the way.
const pace = 2 * time.Millisecond

// mayCut reports whether it is time for the calls that wait to go into the log.
func (l *Log) mayCut() bool {
	return l.writes == 0 && (len(l.inflight) == 0 || time.Since(l.cutAt) > pace)
}

// cut puts the calls that wait into the log, as one entry.
func (l *Log) cut() {
	b := l.pending
	l.pending, l.cutAt = nil, time.Now()
	if err := l.node.Propose(b.data); err != nil { // the lead is being handed over
		b.finish(errDeposed)
		l.suspend()
		return
	}
	l.proposed = b
	l.inflight = append(l.inflight, b)
	l.grown.calls += b.calls
	l.index()
}

// index has raft say the index of what was proposed.
func (l *Log) index() {
	for l.proposed != nil && l.err == nil && l.node.HasReady() {
		l.ready(l.node.Ready())
	}
}

// commit answers what is committed.
func (l *Log) commit(to uint64) {
	for len(l.inflight) > 0 && l.inflight[0].index != 0 && l.inflight[0].index <= to {
		l.inflight[0].finish(nil)
		l.inflight = l.inflight[1:]
	}
}

// append has entries, votes and snapshots written.
func (l *Log) append(m *pb.Message) {
	// With an entry that changes the members, it must be on disk that the change
	// before it is committed: one that starts again may be one change behind, not two.
	hard := l.hard
	vote := hard.GetTerm() != l.synced.GetTerm() || hard.GetVote() != l.synced.GetVote()
	if l.writes == 0 && !vote && len(m.GetEntries()) == 0 && m.Snapshot == nil {
		l.steps = append(l.steps, m.GetResponses()...) // that more is committed is found out again
		return
	}
	var snap *checkpoint
	if s := m.Snapshot; s != nil {
		state, err := parseState(s.GetData())
		if err != nil {
			l.fail(err)
			return
		}
		meta := s.GetMetadata()
		snap = &checkpoint{index: meta.GetIndex(), term: meta.GetTerm(), conf: meta.GetConfState(), state: state}
		if len(m.GetEntries()) == 0 {
			l.last = snap.index
		}
	}
	last := l.written
	if n := len(m.GetEntries()); n > 0 {
		l.written = m.GetEntries()[n-1].GetIndex()
	} else if snap != nil {
		l.written = snap.index
	}
	l.synced = hard
	l.writes++
	l.cfg.Disk.submit(write{
		helped: l.helping,
		fill: func(b *pebble.Batch) error {
			if vote || len(m.GetEntries()) > 0 || snap != nil {
				if err := putHard(b, l.cfg.Name, hard); err != nil {
					return err
				}
			}
			if snap != nil {
				if err := l.fillSnapshot(b, snap, last); err != nil {
					return err
				}
			}
			return putEntries(b, l.cfg.Name, m.GetEntries(), last)
		},
		done: func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.appended(m, hard, snap, err)
		},
	})
}

// appended goes on when append's write is on the disk.
func (l *Log) appended(m *pb.Message, hard *pb.HardState, snap *checkpoint, err error) {
	l.writes--
	if l.err != nil {
		return
	}
	if err == nil && snap != nil {
		err = l.mem.ApplySnapshot(&pb.Snapshot{Metadata: snap.meta()})
		l.installed(snap)
	}
	if err == nil {
		err = errors.Join(l.mem.Append(m.GetEntries()), l.mem.SetHardState(hard))
	}
	if err != nil {
		l.fail(err)
		return
	}
	l.steps = append(l.steps, m.GetResponses()...)
	l.advance()
}

// deliver has committed entries applied.
func (l *Log) deliver(m *pb.Message) {
	for _, e := range m.GetEntries() {
		if err := l.changeMembers(e); err != nil {
			l.fail(err)
			return
		}
	}
	entries := m.GetEntries()
	if l.asked != 0 && entries[len(entries)-1].GetIndex() >= l.asked {
		l.asked, l.settled = 0, true
	}
	if r := l.lead; r != nil && r.serving { // they ran here
		l.applied = entries[len(entries)-1].GetIndex()
		l.steps = append(l.steps, m.GetResponses()...)
		l.checkpoint()
		return
	}
	l.tasks = append(l.tasks, task{entries: entries, then: m.GetResponses()})
	l.kick()
}

// led returns the leader, "" if it is not known.
func (l *Log) led() dms.Peer {
	if l.leader == 0 || l.lead != nil {
		return ""
	}
	return l.cfg.Peer(l.leader)
}
