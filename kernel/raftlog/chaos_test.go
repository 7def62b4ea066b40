package raftlog

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An op is a call as its client saw it.
type op struct {
	id         uint64 // 0: a read
	start, end time.Time
	value      uint64 // how many calls had been carried out
	err        error
}

// Clients call while replicas crash, are cut off, and messages are lost and overtake
// each other. Nothing that was answered is lost, nothing runs twice, every answer
// fits one order that agrees with the clients' clocks, and all replicas end alike.
func TestChaos(t *testing.T) {
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	first, _ := strconv.ParseUint(os.Getenv("AMINO_SEED"), 10, 32) // make soak sets it
	for seed := first; seed < first+uint64(seeds); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	s := newSim(t, seed, Bounds{Calls: 5 + int(seed%9)*7})
	s.group(3)
	s.loss.Store(3)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var ops []op
	var clients sync.WaitGroup
	for c := range 6 {
		clients.Go(func() {
			for ctx.Err() == nil {
				p := s.leader()
				if p == nil || s.chance(10) == 0 {
					p = s.any()
				}
				l := p.current()
				if l == nil {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				o := op{start: time.Now()}
				if c > 0 { // the first one only reads
					s.mu.Lock()
					s.ids++
					o.id = s.ids
					s.mu.Unlock()
				}
				if o.id == 0 {
					o.value, o.err = read(t, l)
				} else {
					o.value, o.err = propose(t, l, o.id)
				}
				o.end = time.Now()
				if p.current() != l { // the answer was to leave after the power was cut
					o.err = errLate
				}
				mu.Lock()
				ops = append(ops, o)
				mu.Unlock()
				time.Sleep(time.Duration(s.chance(30)) * time.Millisecond)
			}
		})
	}
	for range 12 {
		time.Sleep(time.Duration(s.chance(2000)) * time.Millisecond)
		s.disturb()
	}
	s.heal()
	s.eventually("it leads", func() bool { return s.leader() != nil })
	time.Sleep(time.Second)
	stop()
	clients.Wait()
	s.loss.Store(0)
	s.eventually("all are alike", func() bool {
		ps := s.running()
		for _, p := range ps {
			if p.log.Sync(t.Context()) != nil || fingerprint(p) != fingerprint(ps[0]) {
				return false
			}
		}
		return len(ps) == 3
	})
	answered := check(t, ops, s.running()[0].m.names)
	if answered < 100 {
		t.Errorf("%d of %d calls were answered: this showed little", answered, len(ops))
	}
}

// disturb does one thing that replicas must live with.
func (s *sim) disturb() {
	p := s.any()
	if l := s.leader(); l != nil && s.chance(2) == 0 {
		p = l
	}
	if p == nil {
		return
	}
	switch s.chance(5) {
	case 0:
		p.crash()
		time.Sleep(time.Duration(s.chance(3000)) * time.Millisecond)
		p.restart()
	case 1: // the lights go out
		ps := s.running()
		for _, p := range ps {
			p.crash()
		}
		for _, p := range ps {
			time.Sleep(time.Duration(s.chance(300)) * time.Millisecond)
			p.restart()
		}
	case 2:
		s.setCut(p, true)
		time.Sleep(time.Duration(s.chance(5000)) * time.Millisecond)
		s.setCut(p, false)
	case 3: // with a long absence, the log the replica lacks is dropped
		s.setCut(p, true)
		time.Sleep(20 * time.Second)
		s.setCut(p, false)
	case 4:
		if f, err := p.log.Freeze(s.t.Context()); err == nil && f != nil {
			time.Sleep(time.Duration(s.chance(2000)) * time.Millisecond)
			p.log.Start()
		}
	}
}

func (s *sim) setCut(p *peer, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[p.id] = cut
}

func (s *sim) heal() {
	for _, p := range s.peers {
		s.setCut(p, false)
	}
}

// current returns the peer's log, nil while it is down.
func (p *peer) current() *Log {
	if p == nil {
		return nil
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return p.log
}

func (s *sim) any() *peer {
	if ps := s.running(); len(ps) > 0 {
		return ps[s.chance(len(ps))]
	}
	return nil
}

// check compares what clients saw with the order that the replicas agree on, and
// returns how many calls were answered.
func check(t *testing.T, ops []op, order []uint64) (answered int) {
	t.Helper()
	place := map[uint64]uint64{}
	for i, id := range order {
		if place[id] != 0 {
			t.Fatalf("call %d ran as number %d and as number %d", id, place[id], i+1)
		}
		place[id] = uint64(i + 1)
	}
	for _, o := range ops {
		if o.err != nil {
			continue
		}
		answered++
		if o.id != 0 && place[o.id] != o.value {
			t.Errorf("call %d was answered to be number %d, and is number %d", o.id, o.value, place[o.id])
		}
	}
	// What ended before another began is before it.
	ends, starts := slices.Clone(ops), slices.Clone(ops)
	slices.SortFunc(ends, func(a, b op) int { return a.end.Compare(b.end) })
	slices.SortFunc(starts, func(a, b op) int { return a.start.Compare(b.start) })
	var last op
	for _, o := range starts {
		for len(ends) > 0 && ends[0].end.Before(o.start) {
			if ends[0].err == nil && ends[0].value >= last.value {
				last = ends[0]
			}
			ends = ends[1:]
		}
		if o.err == nil && (o.value < last.value || o.value == last.value && o.id != 0) {
			t.Errorf("call %d saw %d, and then call %d saw %d", last.id, last.value, o.id, o.value)
		}
	}
	return answered
}
