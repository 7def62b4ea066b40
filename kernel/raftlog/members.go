package raftlog

import (
	"encoding/binary"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// Follow says which replicas the group has now. The leader makes them members one at
// a time: a new one learns until it has the log, then it counts in majorities. One
// that is gone is taken out when the others can do without it.
func (l *Log) Follow(ids []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want = slices.Clone(ids)
	if l.err == nil && l.running {
		l.followMembers()
		l.advance()
	}
}

// followMembers begins the next change, if there is one and none is under way. mu is held.
func (l *Log) followMembers() {
	if l.lead == nil || !l.lead.serving || l.asked != 0 || len(l.want) == 0 {
		return
	}
	cc := l.nextChange()
	if cc == nil {
		return
	}
	if err := l.node.ProposeConfChange(cc); err != nil {
		return // the lead is being handed over
	}
	l.asked = l.last + 1
}

// nearly is how many entries a learner may be behind when it becomes a voter: under
// load it is never quite there.
const nearly = 64

func (l *Log) nextChange() *pb.ConfChange {
	conf, progress := l.members(), l.progress()
	change := func(t pb.ConfChangeType, id uint64) *pb.ConfChange {
		return &pb.ConfChange{Type: t.Enum(), NodeId: new(id)}
	}
	for _, id := range l.want {
		p, ok := progress[id]
		switch {
		case !ok:
			return change(pb.ConfChangeAddLearnerNode, id)
		case p.IsLearner && p.State == tracker.StateReplicate && p.Match+nearly >= l.applied:
			return change(pb.ConfChangeAddNode, id)
		}
	}
	for _, id := range slices.Concat(conf.GetLearners(), conf.GetVoters()) {
		if slices.Contains(l.want, id) {
			continue
		}
		if id == l.cfg.ID {
			l.handOver(progress)
		} else if canSpare(id, progress) {
			return change(pb.ConfChangeRemoveNode, id)
		}
	}
	return nil
}

// canSpare reports whether those who vote without id would have a majority now.
func canSpare(id uint64, progress map[uint64]tracker.Progress) bool {
	voters, active := 0, 0
	for other, p := range progress {
		if other == id || p.IsLearner {
			continue
		}
		voters++
		if p.RecentActive {
			active++
		}
	}
	return active > voters/2
}

// handOver has the voter that is furthest lead in this one's place.
func (l *Log) handOver(progress map[uint64]tracker.Progress) {
	var best, match uint64
	for id, p := range progress {
		if id != l.cfg.ID && !p.IsLearner && p.RecentActive && slices.Contains(l.want, id) && p.Match >= match {
			best, match = id, p.Match
		}
	}
	if best != 0 {
		l.node.TransferLeader(best)
	}
}

// progress returns how far the members are, as this leader knows.
func (l *Log) progress() map[uint64]tracker.Progress {
	s := l.node.Status()
	if p, ok := s.Progress[l.cfg.ID]; ok {
		p.RecentActive = true
		s.Progress[l.cfg.ID] = p
	}
	return s.Progress
}

// changeMembers carries out an entry that changes the members.
func (l *Log) changeMembers(e *pb.Entry) error {
	if e.GetType() != pb.EntryConfChange {
		return nil
	}
	cc := &pb.ConfChange{}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return err
	}
	conf := l.node.ApplyConfChange(cc)
	l.conf = append(l.conf, confAt{e.GetIndex(), proto.CloneOf(conf)})
	return nil
}

// members returns who is in the group by the last committed entry.
func (l *Log) members() *pb.ConfState { return l.conf[len(l.conf)-1].conf }

// confAt returns who was in the group at an entry.
func (l *Log) confAt(index uint64) *pb.ConfState {
	i := len(l.conf) - 1
	for i > 0 && l.conf[i].index > index {
		i--
	}
	return l.conf[i].conf
}

// alone reports whether this replica is the only one that votes.
func (l *Log) alone() bool {
	v := l.members().GetVoters()
	return len(v) == 1 && v[0] == l.cfg.ID
}

// number is the form of a read's round.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
