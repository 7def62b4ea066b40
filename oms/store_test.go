package oms

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// testStore opens a store with a node k1 to place groups on.
func testStore(t testing.TB, fs vfs.FS, dir string) *store {
	t.Helper()
	s, err := openStore(fs, dir, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if _, err := s.do(directory.Join{Node: api.Node{ID: "k1"}, Incarnation: 1}); err != nil {
		t.Fatal(err)
	}
	return s
}

func create(s *store, name string) (*directory.Group, error) {
	c, err := s.do(directory.Create{Spec: api.Spec{Name: name}, Node: api.Node{ID: "k1"}, Incarnation: 1})
	if err != nil {
		return nil, err
	}
	return c.Group(), nil
}

func TestStoreComesBack(t *testing.T) {
	fs := vfs.NewMem()
	s := testStore(t, fs, "d")
	now := time.Now().UTC().Round(0)
	for _, cmd := range []directory.Command{
		directory.PutModule{Module: api.Module{Digest: strings.Repeat("ab", 32), Size: 7, Notes: []string{"n"}, Stored: now}},
		directory.Create{Spec: api.Spec{Name: "kv", DMs: []string{"X"}}, Node: api.Node{ID: "k1"}, Incarnation: 1, Created: now},
		directory.Run{Group: "m1", Recovers: true},
		directory.Keep{Group: "m1", Layer: 0, Cells: api.Cells{"c": {1, 2}}},
		directory.Create{Spec: api.Spec{Name: "gone"}, Node: api.Node{ID: "k1"}, Incarnation: 1},
		directory.Delete{Group: "m2"},
		directory.Down{Node: "k1", Incarnation: 1},
	} {
		if _, err := s.do(cmd); err != nil {
			t.Fatalf("%T: %v", cmd, err)
		}
	}
	before := dump(t, s)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.do(directory.Delete{Group: "m1"}); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("a closed store says %v", err)
	}
	s, err := openStore(fs, "d", 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if after := dump(t, s); after != before {
		t.Errorf("came back as\n%s\nwas\n%s", after, before)
	}
	if _, err := s.do(directory.Join{Node: api.Node{ID: "k1"}, Incarnation: 2}); err != nil {
		t.Fatal(err)
	}
	c, err := s.do(directory.Create{Spec: api.Spec{Name: "gone"}, Node: api.Node{ID: "k1"}, Incarnation: 2})
	if err != nil || c.Group().ID != "m3" {
		t.Errorf("the next group is %v, %v; want m3", c, err)
	}
}

// dump returns all records as text.
func dump(t *testing.T, s *store) string {
	t.Helper()
	var b []byte
	var err error
	s.view(func(st *directory.State) {
		b, err = json.MarshalIndent([]any{st.Groups(), st.Nodes(), st.Modules(), st.Lost(), st.On("k1")}, "", " ")
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStoreKeepsWhatItAcknowledged crashes at random moments while many create groups,
// with some of what was not synced on disk.
func TestStoreKeepsWhatItAcknowledged(t *testing.T) {
	for seed := range uint64(10) {
		fs := vfs.NewCrashableMem()
		s := testStore(t, fs, "d")
		var mu sync.Mutex
		acked := map[string]string{} // ID by name
		var wg sync.WaitGroup
		var stop atomic.Bool
		for w := range 8 {
			wg.Go(func() {
				for i := 0; !stop.Load(); i++ {
					g, err := create(s, fmt.Sprintf("w%d-%d", w, i))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acked[g.Name] = g.ID
					mu.Unlock()
				}
			})
		}
		for enough := false; !enough; {
			mu.Lock()
			enough = len(acked) > 30*int(seed)
			mu.Unlock()
		}
		mu.Lock()
		want := len(acked)
		known := make(map[string]string, want)
		for name, id := range acked {
			known[name] = id
		}
		mu.Unlock()
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 1))})
		stop.Store(true)
		wg.Wait()
		after, err := openStore(crashed, "d", 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, g := range after.groups() {
			if seen[g.ID] || seen[g.Name] {
				t.Errorf("%s or %s is there twice", g.ID, g.Name)
			}
			seen[g.ID], seen[g.Name] = true, true
		}
		for name, id := range known {
			after.view(func(st *directory.State) {
				if g := st.Taken(name); g == nil || g.ID != id {
					t.Errorf("seed %d: %s, acknowledged as %s, is %v", seed, name, id, g)
				}
			})
		}
		if err := after.close(); err != nil {
			t.Error(err)
		}
	}
}

// holder is a disk whose next sync of a log waits.
type holder struct {
	hold          atomic.Bool
	held, release chan struct{}
	syncs         atomic.Int64
}

func newHolder() *holder {
	return &holder{held: make(chan struct{}), release: make(chan struct{})}
}

func (h *holder) String() string { return "holder" }

func (h *holder) MaybeError(op errorfs.Op) error {
	if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
		h.syncs.Add(1)
		if h.hold.CompareAndSwap(true, false) {
			close(h.held)
			<-h.release
		}
	}
	return nil
}

// TestStoreSharesSyncs checks that commands that come together share one sync.
func TestStoreSharesSyncs(t *testing.T) {
	h := newHolder()
	s := testStore(t, errorfs.Wrap(vfs.NewMem(), h), "d")
	h.hold.Store(true)
	const n = 200
	var wg sync.WaitGroup
	start := func(name string) {
		wg.Go(func() {
			if _, err := create(s, name); err != nil {
				t.Error(err)
			}
		})
	}
	start("first")
	<-h.held
	before := h.syncs.Load()
	for i := range n {
		start(fmt.Sprintf("g-%d", i))
	}
	for len(s.queue) < n {
		time.Sleep(time.Millisecond)
	}
	close(h.release)
	wg.Wait()
	if made := h.syncs.Load() - before; made != 1 {
		t.Errorf("%d commands that waited together made %d syncs", n, made)
	}
}

// TestStoreShowsNothingUnsynced checks that what is not durable yet is neither read nor
// acknowledged.
func TestStoreShowsNothingUnsynced(t *testing.T) {
	h := newHolder()
	s := testStore(t, errorfs.Wrap(vfs.NewMem(), h), "d")
	h.hold.Store(true)
	acked := make(chan error)
	go func() {
		_, err := create(s, "kv")
		acked <- err
	}()
	<-h.held
	if all := s.groups(); len(all) != 0 {
		t.Errorf("read before it was synced: %v", all)
	}
	select {
	case err := <-acked:
		t.Errorf("acknowledged before it was synced: %v", err)
	default:
	}
	close(h.release)
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	if all := s.groups(); len(all) != 1 {
		t.Errorf("after the sync there are %v", all)
	}
}

// TestStoreFullDisk fills the disk: commands are refused, nothing is lost, and the
// store goes on when there is room.
func TestStoreFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &smallDisk{left: 1 << 30}
		mem := vfs.NewMem()
		s := testStore(t, errorfs.Wrap(mem, disk), "d")
		if _, err := create(s, "before"); err != nil {
			t.Fatal(err)
		}
		disk.set(0)
		var err error
		for i := 0; err == nil; i++ {
			if i > 1000 {
				t.Fatal("the disk is full and commands are still taken")
			}
			_, err = create(s, fmt.Sprintf("full-%d", i))
		}
		if !errors.Is(err, abi.ErrStorage) || !strings.Contains(err.Error(), "free space under d") {
			t.Fatalf("a full disk is %v", err)
		}
		known := len(s.groups())
		if _, err := s.find("m1"); err != nil {
			t.Errorf("cannot read while the disk is full: %v", err)
		}
		disk.set(1 << 30)
		time.Sleep(2 * time.Second)
		if _, err := create(s, "after"); err != nil {
			t.Fatalf("there is room again: %v", err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		s = testStore(t, mem, "d")
		if got := len(s.groups()); got != known+1 {
			t.Errorf("%d groups came back; want %d", got, known+1)
		}
	})
}

// A smallDisk has room for so many bytes more; the ballast gives back its size.
type smallDisk struct {
	mu   sync.Mutex
	left int
}

func (d *smallDisk) set(left int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = left
}

func (d *smallDisk) String() string { return "small disk" }

func (d *smallDisk) MaybeError(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch op.Kind {
	case errorfs.OpRemove:
		if strings.HasSuffix(op.Path, "ballast") {
			d.left += 100
		}
	case errorfs.OpFileWrite:
		if strings.HasSuffix(op.Path, "ballast") && d.left < 1<<10 {
			return syscall.ENOSPC
		}
		if d.left--; d.left < 0 {
			return syscall.ENOSPC
		}
	}
	return nil
}

// TestStoreBrokenDisk breaks the log: what is not known to be durable is never said to
// be, and nothing more is answered until the OMS is started again.
func TestStoreBrokenDisk(t *testing.T) {
	var broken atomic.Bool
	mem := vfs.NewCrashableMem()
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".log") {
			return errors.New("the disk is broken")
		}
		return nil
	}))
	s := testStore(t, fs, "d")
	if _, err := create(s, "before"); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for _, name := range []string{"lost", "refused"} {
		if _, err := create(s, name); !errors.Is(err, abi.ErrStorage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.find("m1"); !errors.Is(err, abi.ErrStorage) {
		t.Errorf("a store that cannot know answers %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	broken.Store(false)
	s = testStore(t, mem.CrashClone(vfs.CrashCloneCfg{}), "d")
	if _, err := s.group("m1"); err != nil {
		t.Errorf("what was acknowledged is lost: %v", err)
	}
}

func TestStoreRefusesOtherFormats(t *testing.T) {
	fs := vfs.NewMem()
	s := testStore(t, fs, "d")
	b, err := encoding.Marshal(format + 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Set([]byte("format"), b, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(fs, "d", 1<<10); err == nil || !strings.Contains(err.Error(), "use the version that wrote it") {
		t.Errorf("a newer format is %v", err)
	}
}

func TestStoreIsLocked(t *testing.T) {
	dir := t.TempDir()
	testStore(t, vfs.Default, dir)
	_, err := openStore(vfs.Default, dir, 1<<10)
	if !errors.Is(err, abi.ErrStorage) || !strings.Contains(err.Error(), "is another OMS using it?") {
		t.Errorf("a second OMS gets %v", err)
	}
}
