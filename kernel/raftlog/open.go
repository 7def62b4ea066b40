package raftlog

import (
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"amino.run/abi"
)

// Create makes the log of a group's first replica. It begins with the state that the
// machine is in.
func Create(ctx context.Context, cfg Config) (*Log, error) {
	s := &saved{
		hard: &pb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(uint64(1))},
		base: checkpoint{index: 1, term: 1, conf: &pb.ConfState{Voters: []uint64{cfg.ID}}},
	}
	return begin(ctx, cfg, s)
}

// Adopt makes the log of a replica that comes from another kernel, or is new in a
// group that has a log: travelled is what Frozen.Travel gave. The machine is in the
// state that came with it.
func Adopt(ctx context.Context, cfg Config, travelled []byte) (*Log, error) {
	s, err := parseTravel(travelled)
	if err != nil {
		return nil, err
	}
	return begin(ctx, cfg, s)
}

func begin(ctx context.Context, cfg Config, s *saved) (l *Log, err error) {
	s.epochs.attempt = cfg.Epoch
	if s.base.state, err = cfg.Machine.Capture(ctx); err != nil {
		return nil, err
	}
	cfg.Disk.detach(cfg.Name)
	if err := cfg.Disk.sync(func(b *pebble.Batch) error { return s.putAll(b, cfg.Name) }); err != nil {
		return nil, err
	}
	return open(cfg, s)
}

// A Found log is one that was on the disk.
type Found struct {
	State State // the machine's, by the last checkpoint
	name  string
	saved *saved
}

// Find reads the log of a replica that was placed here in the epoch was, and is now
// in epoch. An abi.ErrNotFound says that it is not here: it may be elsewhere.
func (d *Disk) Find(name string, was, epoch uint64) (*Found, error) {
	d.detach(name)
	s, err := d.load(name)
	if err != nil {
		return nil, err
	}
	if was != s.epochs.settled && was != s.epochs.attempt {
		return nil, abi.Errorf(abi.NotFound, "the log %s here is of the epoch %d, the replica was lost in epoch %d", name, s.epochs.attempt, was)
	}
	s.epochs = epochs{settled: was, attempt: epoch}
	if err := d.sync(func(b *pebble.Batch) error { return putEpochs(b, name, s.epochs) }); err != nil {
		return nil, err
	}
	return &Found{State: s.base.state, name: name, saved: s}, nil
}

// Reopen opens a log that was found. The machine is in the state found with it.
func Reopen(cfg Config, f *Found) (*Log, error) { return open(cfg, f.saved) }

func open(cfg Config, s *saved) (*Log, error) {
	l := &Log{cfg: cfg, kicked: make(chan struct{}, 1)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	if err := l.newNode(s); err != nil {
		l.stop()
		return nil, storageError(err)
	}
	d := cfg.Disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.usable(); err != nil {
		l.stop()
		return nil, err
	}
	d.logs[cfg.Name] = l
	return l, nil
}

// Start begins to take part: in elections, in majorities, and in taking calls when
// this replica leads.
func (l *Log) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running || l.err != nil {
		return
	}
	l.running = true
	if l.started {
		if l.node.BasicStatus().RaftState == raft.StateLeader {
			l.rule(true)
		}
	} else {
		l.started = true
		l.wg.Go(l.applier)
		l.wg.Go(l.ticks)
		if l.alone() {
			_ = l.node.Campaign() // no one else could win
		}
	}
	l.advance()
}

// ticks tells raft the time.
func (l *Log) ticks() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-l.ctx.Done():
			return
		}
		l.mu.Lock()
		if l.running && l.err == nil {
			l.node.Tick()
			l.orphan()
			if l.lead == nil && len(l.reads.flying) > 0 { // the question may have been lost
				l.node.ReadIndex(number(l.reads.round))
			}
			l.followMembers()
			l.advance()
		}
		l.mu.Unlock()
	}
}

// orphaned is how long a log is without a leader before it says so, in ticks.
const orphaned = 50

// orphan says so when no one has led for a while. mu is held.
func (l *Log) orphan() {
	if l.leader != 0 {
		l.lacking = 0
		return
	}
	if l.lacking++; l.lacking%orphaned == 0 {
		s := l.node.BasicStatus()
		l.cfg.Log.Warn("no replica leads: a majority cannot be reached", "members", l.members().GetVoters(),
			"term", s.GetTerm(), "vote", s.GetVote(), "last", l.last, "committed", s.GetCommit(), "state", s.RaftState)
	}
}

// Step takes a message from another replica's log.
func (l *Log) Step(message []byte) error {
	m := &pb.Message{}
	if err := proto.Unmarshal(message, m); err != nil {
		return abi.Errorf(abi.BadArgument, "a message to the log %s: %v", l.cfg.Name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running && l.err == nil && m.GetTo() == l.cfg.ID {
		_ = l.node.Step(m) // one that is out of date is refused
		if m.GetType() == pb.MsgAppResp && len(l.members().GetLearners()) > 0 {
			l.followMembers() // at once: until a learner votes, it is no help when another is lost
		}
		l.advance()
	}
	return nil
}

// Undelivered says that a message could not be sent to a replica.
func (l *Log) Undelivered(to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running && l.err == nil {
		l.node.ReportUnreachable(to)
		l.node.ReportSnapshot(to, raft.SnapshotFailure)
		l.advance()
	}
}

// Freeze stops taking part, and brings the machine to a committed state that stays
// until Start. What it returns has that state's log.
func (l *Log) Freeze(ctx context.Context) (*Frozen, error) {
	l.mu.Lock()
	l.running = false
	if err := l.err; err != nil {
		l.mu.Unlock()
		return nil, err
	}
	if l.pending != nil {
		l.cut()
		l.advance()
	}
	l.mu.Unlock()
	still := func() bool { return l.writes == 0 && !l.saving && !l.dirty && !l.busy && len(l.tasks) == 0 }
	err := l.await(ctx, func() bool { return l.writes == 0 })
	if err == nil {
		l.mu.Lock()
		l.depose(errDeposed)
		l.mu.Unlock()
		err = l.await(ctx, still)
	}
	if err != nil {
		l.Start()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &Frozen{log: l}
	f.hard, f.base = proto.CloneOf(l.hard), checkpoint{index: l.applied, conf: l.confAt(l.applied)}
	f.base.term, err = l.mem.Term(l.applied)
	if err == nil && l.last > l.applied {
		f.entries, err = l.mem.Entries(l.applied+1, l.last+1, 1<<62)
	}
	return f, err
}

// A Frozen log stands still. The machine is after the entry it begins with.
type Frozen struct {
	log *Log
	saved
}

// Travel returns the log of the replica as it goes to another kernel: with its vote,
// and what it has of the log beyond the machine's state.
func (f *Frozen) Travel() []byte { return f.saved.travel() }

// Copy returns the log as a new replica of the group begins it.
func (f *Frozen) Copy() []byte {
	s := saved{base: f.base}
	s.hard = &pb.HardState{Term: new(f.base.term), Vote: new(uint64(0)), Commit: new(f.base.index)}
	return s.travel()
}

// travel returns the log without its state.
func (s *saved) travel() []byte {
	all := append([]*pb.Entry(nil), s.entries...)
	m := &pb.Message{ // which has room for all of it
		Term: s.hard.Term, Vote: s.hard.Vote, Commit: s.hard.Commit, Entries: all,
		Snapshot: &pb.Snapshot{Metadata: s.base.meta()},
	}
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err) // what raft gave has the form of what raft gave
	}
	return b
}

func parseTravel(b []byte) (*saved, error) {
	m := &pb.Message{}
	if err := proto.Unmarshal(b, m); err != nil || m.GetSnapshot().GetMetadata().GetConfState() == nil {
		return nil, abi.Errorf(abi.BadArgument, "a log of %d bytes that came with a state is not well-formed", len(b))
	}
	meta := m.GetSnapshot().GetMetadata()
	return &saved{
		hard:    &pb.HardState{Term: new(m.GetTerm()), Vote: new(m.GetVote()), Commit: new(m.GetCommit())},
		base:    checkpoint{index: meta.GetIndex(), term: meta.GetTerm(), conf: meta.GetConfState()},
		entries: m.GetEntries(),
	}, nil
}

// Close ends the log here; what is on disk stays.
func (l *Log) Close() {
	l.mu.Lock()
	l.fail(errEnded)
	l.mu.Unlock()
	l.stop()
	l.wg.Wait()
	d := l.cfg.Disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.logs[l.cfg.Name] == l {
		delete(d.logs, l.cfg.Name)
	}
}

// Remove ends the log and deletes what is on disk of it, unless another has been
// opened under its name since.
func (l *Log) Remove() error {
	d := l.cfg.Disk
	d.mu.Lock()
	mine := d.logs[l.cfg.Name] == l
	d.mu.Unlock()
	l.Close()
	if !mine {
		return nil
	}
	err := d.sync(func(b *pebble.Batch) error { return removeAll(b, l.cfg.Name) })
	if errors.Is(err, abi.ErrUnavailable) {
		return storageError(err)
	}
	return err
}

// detach ends the log that is open under a name: another takes its place.
func (d *Disk) detach(name string) {
	d.mu.Lock()
	l := d.logs[name]
	d.mu.Unlock()
	if l != nil {
		l.Close()
	}
}
