package oms

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/fxamacker/cbor/v2"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// encoding is deterministic, and keeps a time's nanoseconds.
var encoding = func() cbor.EncMode {
	opt := cbor.CoreDetEncOptions()
	opt.Time = cbor.TimeRFC3339Nano
	m, err := opt.EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// format is the version of what is on disk.
const format = 1

// A store is the directory, durable: in memory to read, on pebble to last. Commands
// that come at the same time share one sync, and no one reads what is not synced.
type store struct {
	db      *pebble.DB
	ballast *ballast
	queue   chan *request
	done    chan struct{} // closed when the writer has ended
	failed  atomic.Pointer[abi.Error]

	closing sync.RWMutex // held for writing to close queue
	closed  bool

	mu    sync.RWMutex // of state; the writer alone changes it
	state *directory.State
}

// A request is a command and, once done is closed, what became of it.
type request struct {
	cmd    directory.Command
	change *directory.Change
	err    error
	done   chan struct{}
}

func openStore(fs vfs.FS, dir string, ballastSize int) (*store, error) {
	s := &store{state: directory.New(), queue: make(chan *request, 256), done: make(chan struct{})}
	if err := makeDir(fs, dir); err != nil {
		return nil, storageError(err)
	}
	s.ballast = &ballast{fs: fs, name: filepath.Join(dir, "ballast"), size: ballastSize}
	db, err := pebble.Open(dir, &pebble.Options{
		FS:                 vfs.OnDiskFull(fs, s.ballast.drop),
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             pebbleLog{},
	})
	if err != nil {
		return nil, storageError(fmt.Errorf("cannot open %s: %w; is another OMS using it?", dir, err))
	}
	s.db = db
	if err := s.load(); err != nil {
		_ = db.Close()
		return nil, storageError(err)
	}
	s.ballast.restore()
	go s.write()
	return s, nil
}

func (s *store) load() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	fresh := true
	for it.First(); it.Valid(); it.Next() {
		fresh = false
		key, value := string(it.Key()), it.Value()
		decode := func(into any) error { return cbor.Unmarshal(value, into) }
		if key == "format" {
			var f int
			if err := decode(&f); err != nil || f != format {
				return fmt.Errorf("the directory has format %d and this version reads %d: use the version that wrote it", f, format)
			}
			continue
		}
		if err := s.state.Load(key, decode); err != nil {
			return fmt.Errorf("record %s: %w", key, err)
		}
	}
	if err := it.Error(); err != nil || !fresh {
		return err
	}
	b, err := encoding.Marshal(format)
	if err != nil {
		return err
	}
	return s.db.Set([]byte("format"), b, pebble.Sync)
}

// do carries out a command and returns what it changed, when that is durable. An
// error of code Storage means that the disk is full or broken; nothing changed.
func (s *store) do(cmd directory.Command) (*directory.Change, error) {
	r := &request{cmd: cmd, done: make(chan struct{})}
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return nil, abi.Errorf(abi.Unavailable, "the OMS is closing")
	}
	s.queue <- r
	s.closing.RUnlock()
	<-r.done
	return r.change, r.err
}

// maxBatch is how many commands share a sync at most.
const maxBatch = 512

// write is the writer: it takes the commands that wait, applies them, syncs once
// and answers.
func (s *store) write() {
	defer close(s.done)
	for r := range s.queue {
		batch := []*request{r}
	more:
		for len(batch) < maxBatch {
			select {
			case r, ok := <-s.queue:
				if !ok {
					break more
				}
				batch = append(batch, r)
			default:
				break more
			}
		}
		all := s.state.Begin()
		for _, r := range batch {
			r.change, r.err = all.Apply(r.cmd)
		}
		if err := s.sync(all); err != nil {
			for _, r := range batch {
				r.change, r.err = nil, err
			}
		}
		for _, r := range batch {
			close(r.done)
		}
	}
}

// sync makes a change durable and then part of the state.
func (s *store) sync(c *directory.Change) (err error) {
	if c.Empty() {
		return nil
	}
	if err := s.usable(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil { // pebble cannot go on: see pebbleLog
			e := abi.Errorf(abi.Storage, "the OMS cannot write its directory any more: %v; restart it when the disk is well", p)
			s.failed.Store(e)
			err = e
		}
	}()
	b := s.db.NewBatch()
	for key, record := range c.Records() {
		if record == nil {
			err = b.Delete([]byte(key), nil)
		} else if value, merr := encoding.Marshal(record); merr != nil {
			err = merr
		} else {
			err = b.Set([]byte(key), value, nil)
		}
		if err != nil {
			return storageError(err)
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return storageError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Commit(c)
	return nil
}

// usable returns why nothing can be written now, if so.
func (s *store) usable() error {
	if e := s.failed.Load(); e != nil {
		return e
	}
	if !s.ballast.restore() {
		return abi.Errorf(abi.Storage, "the OMS's disk is full: free space under %s; nothing was lost", filepath.Dir(s.ballast.name))
	}
	return nil
}

// close lets the commands under way finish. A store that failed is left as it is.
func (s *store) close() error {
	s.closing.Lock()
	if s.closed {
		s.closing.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.closing.Unlock()
	<-s.done
	if s.failed.Load() != nil {
		return nil
	}
	return s.db.Close()
}

// view runs f, which must not wait, with the state as it is.
func (s *store) view(f func(*directory.State)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.state)
}

// group returns the group with this ID. Once the store has failed, no one knows.
func (s *store) group(id string) (g *directory.Group, err error) {
	if e := s.failed.Load(); e != nil {
		return nil, e
	}
	s.view(func(st *directory.State) { g = st.Group(id) })
	if g == nil {
		return nil, abi.Errorf(abi.NotFound, "microservice %s is deleted", id)
	}
	return g, nil
}

// find returns the group that a name or an ID refers to. Once the store has failed,
// no one knows.
func (s *store) find(ref string) (g *directory.Group, err error) {
	if e := s.failed.Load(); e != nil {
		return nil, e
	}
	s.view(func(st *directory.State) { g, err = st.Find(ref) })
	return g, err
}

func (s *store) groups() (all []*directory.Group) {
	s.view(func(st *directory.State) { all = st.Groups() })
	return all
}

func (s *store) module(ref string) (m *api.Module, err error) {
	s.view(func(st *directory.State) { m, err = st.Module(ref) })
	return m, err
}

// pebbleLog keeps pebble's chatter out of the log. Where pebble would end the
// process, because it cannot write its log any more, it panics, and sync recovers.
type pebbleLog struct{}

func (pebbleLog) Infof(string, ...any)  {}
func (pebbleLog) Errorf(string, ...any) {}
func (pebbleLog) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}
