package raftlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// propose sends a call of an ID to a peer, and returns how many were carried out by
// its answer.
func propose(t *testing.T, l *Log, id uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := l.Propose(ctx, dms.Call{ID: id, Root: id, Method: "add", Args: []byte("x")})
	if ctx.Err() != nil {
		l.mu.Lock()
		t.Errorf("call %d hangs at %s: %+v", id, l.cfg.Name, l.node.Status())
		t.Logf("serving %v pending %v inflight %d writes %d commit %d last %d applied %d running %v err %v frozen", l.lead, l.pending, len(l.inflight), l.writes, l.hard.GetCommit(), l.last, l.applied, l.running, l.err)
		l.mu.Unlock()
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(out), nil
}

func read(t *testing.T, l *Log) (uint64, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := l.Propose(ctx, dms.Call{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(out), nil
}

func TestOneReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, Bounds{Calls: 10})
		p := s.first()
		s.eventually("it leads", func() bool { return s.leader() != nil })
		for i := range uint64(100) {
			if n, err := propose(t, p.log, i+1); err != nil || n != i+1 {
				t.Fatalf("call %d: %d, %v", i+1, n, err)
			}
			if n, err := read(t, p.log); err != nil || n != i+1 {
				t.Fatalf("read after call %d: %d, %v", i+1, n, err)
			}
		}
		want := p.m.names
		for range 3 {
			p.crash()
			p.restart()
			s.eventually("it leads again", func() bool { return s.leader() != nil })
			if !slices.Equal(p.m.names, want) {
				t.Fatalf("after a crash there are %d calls of %d", len(p.m.names), len(want))
			}
		}
	})
}

func TestThreeReplicasAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 2, Bounds{Calls: 10})
		s.group(3)
		l := s.leader()
		for i := range uint64(100) {
			if _, err := propose(t, l.log, i+1); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range s.running() {
			if err := p.log.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := fingerprint(p); got != fingerprint(l) {
				t.Errorf("replica %d ended in %s, the leader in %s", p.id, got, fingerprint(l))
			}
			if p == l {
				continue
			}
			_, err := propose(t, p.log, 7)
			if !errors.Is(err, abi.ErrNotLeader) || dms.LeaderOf(err) != dms.Peer(fmt.Sprint("m1/", l.id)) {
				t.Errorf("at a follower: %v", err)
			}
		}
	})
}

func fingerprint(p *peer) string {
	p.turn <- struct{}{}
	defer p.turn.Unlock()
	return fmt.Sprintf("%d calls, %x", len(p.m.names), p.m.pages)
}

// A leader that is cut off runs ahead; when it is back it has undone that.
func TestDeposedLeaderGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 3, Bounds{})
		s.group(3)
		old := s.leader()
		if _, err := propose(t, old.log, 1); err != nil {
			t.Fatal(err)
		}
		s.setCut(old, true)
		lost := make(chan error)
		go func() { _, err := propose(t, old.log, 2); lost <- err }()
		if err := <-lost; !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("a call that no majority has is answered %v", err)
		}
		if _, err := propose(t, old.log, 3); !errors.Is(err, abi.ErrNotLeader) {
			t.Errorf("a call to the leader that was deposed: %v", err)
		}
		if _, err := read(t, old.log); !errors.Is(err, abi.ErrNotLeader) {
			t.Errorf("a read there: %v", err)
		}
		s.eventually("another leads", func() bool { return s.leader() != nil })
		l := s.leader()
		if n, err := propose(t, l.log, 4); err != nil || n != 2 {
			t.Errorf("the other answers %d, %v", n, err)
		}
		s.setCut(old, false)
		s.eventually("the old one follows", func() bool {
			return old.log.Sync(t.Context()) == nil && fingerprint(old) == fingerprint(l)
		})
		if want := []uint64{1, 4}; !slices.Equal(old.m.names, want) {
			t.Errorf("it has %v, want %v", old.m.names, want)
		}
	})
}

// While one entry is being written, those who come go into the next together.
func TestCallsShareEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 4, Bounds{})
		p := s.first()
		s.eventually("it leads", func() bool { return s.leader() != nil })
		p.log.mu.Lock()
		before := p.log.last
		p.log.mu.Unlock()
		start := time.Now()
		done := make(chan error)
		for i := range uint64(64) {
			go func() { _, err := propose(t, p.log, i+1); done <- err }()
		}
		for range 64 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := p.log.last - before; n > 3 {
			t.Errorf("64 calls made %d entries in %v", n, time.Since(start))
		}
	})
}

// A machine of which no one knows the state goes back to where it was, and what had
// been answered is still there.
func TestWreckedMachineIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 5, Bounds{})
		p := s.first()
		s.eventually("it leads", func() bool { return s.leader() != nil })
		for id := range uint64(3) {
			if _, err := propose(t, p.log, id+1); err != nil {
				t.Fatal(err)
			}
		}
		p.m.wreck = true
		if _, err := propose(t, p.log, 9); !errors.Is(err, abi.ErrInternal) {
			t.Errorf("the wrecked call: %v", err)
		}
		s.eventually("it leads again", func() bool { return s.leader() != nil })
		if n, err := propose(t, p.log, 4); err != nil || n != 4 {
			t.Errorf("after that: %d, %v", n, err)
		}
	})
}
