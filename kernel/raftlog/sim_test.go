package raftlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/abi"
	"amino.run/dms"
)

// A toy is a machine: a list of what was added to it, and memory in which each call
// writes to a place of its choice what chance gave it.
type toy struct {
	rng   *rand.Rand
	names []uint64 // IDs of the calls carried out, in order
	pages [4][]byte
	runs  int // calls carried out by Run, undone ones too
	took  time.Duration
	wreck bool // the next Run leaves no one knows what
	prev  State
}

func newToy(seed uint64) *toy {
	m := &toy{rng: rand.New(rand.NewPCG(seed, 0))}
	for i := range m.pages {
		m.pages[i] = make([]byte, 128)
	}
	return m
}

func (m *toy) Run(ctx context.Context, call dms.Call) Outcome {
	time.Sleep(m.took)
	if call.ReadOnly {
		return Outcome{Out: m.value()}
	}
	m.runs++
	if m.wreck {
		m.wreck = false
		m.names = append(m.names, 0xbad)
		return Outcome{Err: abi.Errorf(abi.Internal, "it fell over"), Trace: Wreckage}
	}
	chance := binary.LittleEndian.AppendUint64(nil, m.rng.Uint64())
	m.add(call, chance)
	return Outcome{Out: m.value(), Record: chance}
}

func (m *toy) Replay(_ context.Context, call dms.Call, record []byte) error {
	m.add(call, record)
	return nil
}

func (m *toy) add(call dms.Call, chance []byte) {
	m.names = append(m.names, call.ID)
	p := append([]byte(nil), m.pages[call.ID%4]...)
	copy(p[call.ID%15*8:], chance)
	m.pages[call.ID%4] = p
}

// value is what a call answers: how many came before it.
func (m *toy) value() []byte { return binary.BigEndian.AppendUint64(nil, uint64(len(m.names))) }

func (m *toy) Capture(context.Context) (State, error) {
	var s State
	for _, id := range m.names {
		s.Head = binary.AppendUvarint(s.Head, id)
	}
	for i, p := range m.pages {
		if bytes.Equal(p, make([]byte, len(p))) {
			continue
		}
		s.Chunks = append(s.Chunks, Chunk{uint64(i)*pageSize + 128, p})
	}
	m.prev = s
	return s, nil
}

func (m *toy) Restore(_ context.Context, s State) error {
	m.names = nil
	for r := (reader{b: s.Head}); len(r.b) > 0; {
		m.names = append(m.names, r.number())
	}
	for i := range m.pages {
		m.pages[i] = make([]byte, 128)
	}
	for _, c := range s.Chunks {
		m.pages[c.page()] = append([]byte(nil), c.Data...)
	}
	return nil
}

// A mutex is a Turn.
type mutex chan struct{}

func (m mutex) Lock(ctx context.Context, _ uint64, _ bool) error {
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return abi.Errorf(abi.Canceled, "not run")
	}
}

func (m mutex) Unlock() { <-m }

// A peer is a replica of the group in a simulated kernel.
type peer struct {
	s    *sim
	id   uint64
	fs   *vfs.MemFS
	disk *Disk
	m    *toy
	turn mutex
	log  *Log // nil while it is down
	up   time.Time
}

// A sim is a group in virtual time, on disks that forget what was not synced, over
// a network that delays, reorders and loses.
type sim struct {
	t      *testing.T
	rng    *rand.Rand
	bounds Bounds
	loss   atomic.Int32 // percent
	mu     sync.Mutex
	peers  map[uint64]*peer
	cut    map[uint64]bool // reach no one
	ids    uint64
}

func newSim(t *testing.T, seed uint64, bounds Bounds) *sim {
	s := &sim{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), bounds: bounds,
		peers: map[uint64]*peer{}, cut: map[uint64]bool{},
	}
	t.Cleanup(func() {
		for _, p := range s.peers {
			p.stop()
		}
	})
	return s
}

func (s *sim) chance(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

// add makes a peer that has nothing yet.
func (s *sim) add(id uint64) *peer {
	p := &peer{s: s, id: id, fs: vfs.NewCrashableMem()}
	s.mu.Lock()
	s.peers[id] = p
	s.mu.Unlock()
	p.boot()
	return p
}

func (p *peer) boot() {
	var err error
	if p.disk, err = openDisk(slowFS{p.fs}, "log", 64<<10); err != nil {
		p.s.t.Fatal(err)
	}
	p.m, p.turn = newToy(p.id+uint64(time.Now().UnixNano())), make(mutex, 1)
}

func (p *peer) config() Config {
	return Config{
		Name: "m1", ID: p.id, Epoch: 1, Disk: p.disk, Machine: p.m, Turn: p.turn, Transport: p,
		Peer:   func(id uint64) dms.Peer { return dms.Peer(fmt.Sprint("m1/", id)) },
		Bounds: p.s.bounds, Log: slog.New(slog.DiscardHandler),
	}
}

// open makes l the peer's log.
func (p *peer) open(l *Log, err error) *peer {
	p.s.t.Helper()
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.s.mu.Lock()
	p.log, p.up = l, time.Now()
	p.s.mu.Unlock()
	l.Start()
	return p
}

// first makes the group of one.
func (s *sim) first() *peer {
	p := s.add(1)
	return p.open(Create(s.t.Context(), p.config()))
}

// join makes a new replica from another's state.
func (s *sim) join(id uint64, from *peer) *peer {
	s.t.Helper()
	f, err := from.log.Freeze(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	state, err := from.m.Capture(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	from.log.Start()
	p := s.add(id)
	p.m.Restore(s.t.Context(), state)
	return p.open(Adopt(s.t.Context(), p.config(), f.Copy()))
}

// group makes a group of n and waits until all vote.
func (s *sim) group(n uint64) {
	s.t.Helper()
	p := s.first()
	for id := uint64(2); id <= n; id++ {
		s.join(id, p)
	}
	s.follow()
	s.eventually("all vote", func() bool {
		l := s.leader()
		if l == nil {
			return false
		}
		l.log.mu.Lock()
		defer l.log.mu.Unlock()
		return len(l.log.members().GetVoters()) == int(n)
	})
}

// follow tells all who the replicas are.
func (s *sim) follow() {
	var ids []uint64
	for id := range s.peers {
		ids = append(ids, id)
	}
	for _, p := range s.running() {
		p.log.Follow(ids)
	}
}

func (s *sim) running() (ps []*peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.log != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// leader returns a peer that takes calls.
func (s *sim) leader() *peer {
	for _, p := range s.running() {
		p.log.mu.Lock()
		ok := p.log.refusal() == nil
		p.log.mu.Unlock()
		if ok && !s.isCut(p) {
			return p
		}
	}
	return nil
}

func (s *sim) isCut(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut[p.id]
}

func (s *sim) eventually(what string, ok func() bool) {
	s.t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatalf("never: %s", what)
}

// Send implements Transport.
func (p *peer) Send(to uint64, message []byte) {
	s := p.s
	if s.chance(100) < int(s.loss.Load()) {
		return
	}
	delay := time.Duration(100+s.chance(400)) * time.Microsecond
	if s.loss.Load() > 0 && s.chance(20) == 0 {
		delay *= 50 // it is overtaken
	}
	s.mu.Lock()
	from := p.log
	s.mu.Unlock()
	if from == nil { // the power is cut
		return
	}
	message = bytes.Clone(message)
	time.AfterFunc(delay, func() {
		s.mu.Lock()
		var l *Log
		if q := s.peers[to]; q != nil {
			l = q.log
		}
		dropped := s.cut[p.id] || s.cut[to]
		s.mu.Unlock()
		switch {
		case dropped:
		case l == nil:
			from.Undelivered(to)
		default:
			if err := l.Step(message); err != nil {
				s.t.Error(err)
			}
		}
	})
}

// stop ends a peer in good order.
func (p *peer) stop() {
	p.s.mu.Lock()
	l := p.log
	p.log = nil
	p.s.mu.Unlock()
	if l != nil {
		l.Close()
	}
	if err := p.disk.Close(); err != nil {
		p.s.t.Error(err)
	}
}

// crash cuts the power: what was not synced may be there or not, block by block.
func (p *peer) crash() {
	p.s.mu.Lock()
	l := p.log
	p.log = nil
	p.fs = p.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: p.s.rng.IntN(101), RNG: p.s.rng})
	p.s.mu.Unlock()
	l.Close()
	if err := p.disk.Close(); err != nil {
		p.s.t.Error(err)
	}
}

// restart opens what the crash left.
func (p *peer) restart() {
	p.s.t.Helper()
	p.boot()
	f, err := p.disk.Find("m1", 1, 1)
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.m.Restore(p.s.t.Context(), f.State)
	p.open(Reopen(p.config(), f))
	p.s.follow()
}

// A slowFS takes its time to sync.
type slowFS struct{ vfs.FS }

func (f slowFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return slowFile{file, name}, err
}

func (f slowFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(old, name, c)
	return slowFile{file, name}, err
}

type slowFile struct {
	vfs.File
	name string
}

func (f slowFile) Sync() error     { f.wait(); return f.File.Sync() }
func (f slowFile) SyncData() error { f.wait(); return f.File.SyncData() }

func (f slowFile) wait() {
	if filepath.Ext(f.name) == ".log" {
		time.Sleep(200 * time.Microsecond)
	}
}
