package raftlog

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"amino.run/abi"
)

// A fault fails what a test chooses, once it is told to.
type fault struct {
	on   atomic.Bool
	what func(op errorfs.Op) bool
}

func (f *fault) String() string { return "fault" }

func (f *fault) MaybeError(op errorfs.Op) error {
	if f.on.Load() && f.what(op) {
		return errors.New("the disk is broken")
	}
	return nil
}

// When a write or a sync fails, the calls that wait for it are not answered as done,
// the replica takes no more, and the process goes on. What was answered before is
// there when the disk is opened again.
func TestDiskThatFails(t *testing.T) {
	log := func(op errorfs.Op) bool { return filepath.Ext(op.Path) == ".log" }
	for name, what := range map[string]func(op errorfs.Op) bool{
		"sync": func(op errorfs.Op) bool {
			return log(op) && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData)
		},
		"write": func(op errorfs.Op) bool { return log(op) && op.Kind == errorfs.OpFileWrite },
		"manifest": func(op errorfs.Op) bool {
			return strings.Contains(op.Path, "MANIFEST") && op.Kind == errorfs.OpFileWrite
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 1, Bounds{Calls: 20})
			f := &fault{what: what}
			p := &peer{s: s, id: 1, fs: vfs.NewCrashableMem()}
			disk, err := openDisk(errorfs.Wrap(p.fs, f), "log", 64<<10)
			if err != nil {
				t.Fatal(err)
			}
			p.disk, p.m, p.turn = disk, newToy(1), make(mutex, 1)
			p.open(Create(t.Context(), p.config()))
			s.eventuallyReal(t, func() bool { _, err := read(t, p.log); return err == nil })
			var acked []uint64
			for id := uint64(1); id <= 50; id++ {
				if _, err := propose(t, p.log, id); err != nil {
					t.Fatal(err)
				}
				acked = append(acked, id)
			}
			f.on.Store(true)
			for id := uint64(51); ; id++ {
				_, err := propose(t, p.log, id)
				if err != nil {
					if !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "restart it when the disk is well") {
						t.Errorf("a call whose write failed: %v", err)
					}
					break
				}
				acked = append(acked, id)
				if id > 100_000 {
					t.Fatal("nothing fails")
				}
			}
			if _, err := propose(t, p.log, 1<<40); !errors.Is(err, abi.ErrUnavailable) {
				t.Errorf("the next call: %v", err)
			}
			if _, err := p.disk.load("m1"); !errors.Is(err, abi.ErrUnavailable) {
				t.Errorf("reading what no one knows: %v", err)
			}
			p.log.Close()
			if err := p.disk.Close(); err != nil {
				t.Error(err)
			}
			p.fs = p.fs.CrashClone(vfs.CrashCloneCfg{})
			p.boot()
			found, err := p.disk.Find("m1", 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			p.m.Restore(t.Context(), found.State)
			p.open(Reopen(p.config(), found))
			s.eventuallyReal(t, func() bool { _, err := read(t, p.log); return err == nil })
			if got := p.m.names; len(got) < len(acked) || !slices.Equal(got[:len(acked)], acked) {
				t.Errorf("%d calls were answered, %d are there", len(acked), len(got))
			}
			p.stop()
		})
	}
}

func (s *sim) eventuallyReal(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not lead")
		}
	}
}

// A power cut in the middle of a write leaves the calls that were answered, and of
// the others each wholly or not at all, in their order.
func TestTornWrites(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s := newSim(t, seed, Bounds{Calls: 15})
			p := s.first()
			s.eventually("it leads", func() bool { return s.leader() != nil })
			l := p.log
			rng := rand.New(rand.NewPCG(seed, 7))
			var acked atomic.Uint64
			for c := range uint64(4) {
				go func() {
					for id := c + 1; ; id += 4 {
						n, err := propose(t, l, id)
						if err != nil {
							return
						}
						if p.current() != l {
							return
						}
						for was := acked.Load(); n > was && !acked.CompareAndSwap(was, n); was = acked.Load() {
						}
					}
				}()
			}
			time.Sleep(time.Duration(rng.IntN(40_000)) * time.Microsecond)
			p.crash()
			answered := acked.Load()
			p.restart()
			s.eventually("it leads again", func() bool { return s.leader() != nil })
			n, err := read(t, p.log)
			if err != nil || n < answered || n > answered+4 {
				t.Errorf("seed %d: %d calls were answered and %d are there, %v", seed, answered, n, err)
			}
		})
	}
}

// The logs of different replicas on one disk share syncs.
func TestReplicasShareSyncs(t *testing.T) {
	var syncs atomic.Int64
	f := &fault{what: func(op errorfs.Op) bool {
		if filepath.Ext(op.Path) == ".log" && op.Kind == errorfs.OpFileSyncData {
			syncs.Add(1)
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}}
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, 1, Bounds{})
		disk, err := openDisk(errorfs.Wrap(vfs.NewMem(), f), "log", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var peers []*peer
		for i := range 20 {
			p := &peer{s: s, id: 1, disk: disk, m: newToy(uint64(i)), turn: make(mutex, 1)}
			cfg := p.config()
			cfg.Name += string(rune('a' + i))
			p.open(Create(t.Context(), cfg))
			peers = append(peers, p)
		}
		time.Sleep(time.Second)
		f.on.Store(true)
		done := make(chan error)
		for _, p := range peers {
			go func() { _, err := propose(t, p.log, 1); done <- err }()
		}
		for range peers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := syncs.Load(); n > 4 {
			t.Errorf("20 replicas with a call each made %d syncs", n)
		}
		for _, p := range peers {
			p.log.Close()
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
}
