package kernel

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host/hosttest/testguest"
	"amino.run/internal/api"
)

func probing(spec string) api.Spec { return api.Spec{DMs: []string{spec}} }

// kept returns how many calls the probe of a microservice has kept.
func kept(t *testing.T, k *Kernel, name string) (n int) {
	t.Helper()
	out, err := verb(k, name, "kept")
	if err == nil {
		err = abi.Decode(out, &n)
	}
	if err != nil {
		t.Errorf("kept of %s: %v", name, err)
	}
	return n
}

func TestStartRunsTheConstructor(t *testing.T) {
	c := newCluster(t, 1)
	c.deploy(c.kernels[0], "named", conformance(t), api.Spec{Args: args(t, "a label")})
	want(t, c.kernels[0], "a label", "named", "label")

	g := c.group(t, c.kernels[0], "bad", conformance(t), api.Spec{Args: args(t, 1)})
	_, err := tell[api.StartReply](c.testOMS, c.kernels[0], api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: 1})
	if abi.CodeOf(err) != abi.BadArgument {
		t.Errorf("a constructor that fails: %v", err)
	}
	if _, err := c.kernels[0].find(ref(g).Peer); err == nil {
		t.Error("what failed to start is there")
	}
}

func TestStartFromASnapshotWithCells(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "first", conformance(t), probing("Probe"))
	want(t, k, int64(3), "first", "count", 3)
	want(t, k, int64(7), "first", "count", 4)
	s, err := tell[api.Snapshot](c.testOMS, k, api.KernelCapture, ref(g))
	if err != nil || s.Version != 2 || len(s.Cells) != 1 {
		t.Fatalf("captured version %d, cells %v, %v", s.Version, s.Cells, err)
	}
	fork := c.group(t, k, "second", conformance(t), probing("Probe"))
	if _, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: fork, Peer: ref(fork).Peer, Epoch: 1, Snapshot: &s}); err != nil {
		t.Fatal(err)
	}
	if n := kept(t, k, "second"); n != 2 {
		t.Errorf("the copy's DM has kept %d calls, want 2", n)
	}
	want(t, k, int64(8), "second", "count", 1)
	want(t, k, int64(7), "first", "count", 0)

	s.Cells[0]["kept"] = []byte("\x61x") // a text
	broken := c.group(t, k, "third", conformance(t), probing("Probe"))
	_, err = tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: broken, Peer: ref(broken).Peer, Epoch: 1, Snapshot: &s})
	if abi.CodeOf(err) != abi.Internal || !strings.Contains(err.Error(), "cell kept cannot be read back") {
		t.Errorf("with a cell that cannot be read: %v", err)
	}
}

// amino_resume runs where the state was another's.
func TestStartResumes(t *testing.T) {
	k := newCluster(t, 1).kernels[0]
	m := compiled(t, testguest.Binary())
	k.modules.loaded.Store("testguest", m)
	x := mustStart(t, m, api.Spec{})
	s := mustSnapshot(t, x)
	for _, resume := range []bool{true, false} {
		req := api.StartRequest{
			Group: api.Group{ID: "m1", Name: "g", Spec: api.Spec{Module: "testguest"}}, Peer: "m1/0", Epoch: 1,
			Snapshot: &api.Snapshot{Version: s.Version, Image: s.Image}, Resume: resume,
		}
		r, err := k.newReplica(t.Context(), &req)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.guest.invoke(t.Context(), dms.Call{Method: "c"})
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		if err := abi.Decode(out, &b); err != nil {
			t.Fatal(err)
		}
		if boots := int(b[4]) | int(b[5])<<8; boots != 1+16+map[bool]int{true: 256}[resume] {
			t.Errorf("resume %v: its hooks have run %#x", resume, boots)
		}
		r.end(errUnused)
		<-r.freed
	}
}

func TestStartRecovers(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "saver", conformance(t), probing("Probe(recovers=true)"))
	want(t, k, int64(5), "saver", "count", 5)
	if _, err := verb(k, "saver", "save"); err != nil {
		t.Fatal(err)
	}
	want(t, k, int64(6), "saver", "count", 1)
	c.place(&g, k) // as after the node failed
	rep, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: ref(g).Epoch, Recover: true})
	if err != nil || !rep.Recovers {
		t.Fatalf("%+v, %v", rep, err)
	}
	want(t, k, int64(5), "saver", "count", 0)

	// A checkpoint that cannot be read: the replica there is stays.
	files := saves(k, g)
	if len(files) != 1 {
		t.Fatalf("saved are %v", files)
	}
	if err := os.WriteFile(files[0], []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	next := g
	c.place(&next, k)
	_, err = tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: next, Peer: ref(next).Peer, Epoch: ref(next).Epoch, Recover: true})
	if !errors.Is(err, abi.ErrStorage) {
		t.Errorf("recovered from a damaged checkpoint: %v", err)
	}
	if r, err := k.find(ref(g).Peer); err != nil || r.epoch != ref(g).Epoch {
		t.Errorf("the replica that was there: %v", err)
	}
}

func TestStartClosed(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.group(t, k, "waits", conformance(t), api.Spec{})
	if _, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: 1, Closed: true}); err != nil {
		t.Fatal(err)
	}
	r, err := k.at(ref(g))
	if err != nil || !closed(&r.gate) || r.settle == nil {
		t.Fatalf("its gate is open, or no one asks what became of it: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { want(t, k, int64(1), "waits", "count", 1) })
	for range 2 { // opening again does nothing
		if _, err := tell[api.None](c.testOMS, k, api.KernelOpen, ref(g)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if closed(&r.gate) || r.settle != nil {
		t.Error("it is not open")
	}
}

func TestStartOfAnEpoch(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "one", conformance(t), api.Spec{})
	start := func(epoch uint64) error {
		_, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: epoch})
		return err
	}
	if err := start(1); !errors.Is(err, abi.ErrExists) || !strings.Contains(err.Error(), "in epoch 1 already") {
		t.Errorf("started again: %v", err)
	}
	old, _ := k.find(ref(g).Peer)
	if err := start(3); err != nil {
		t.Fatal(err)
	}
	if err := start(2); !errors.Is(err, abi.ErrExists) {
		t.Errorf("an older epoch was started: %v", err)
	}
	<-old.freed
	for _, epoch := range []uint64{1, 2, 4} {
		r, _ := k.find(ref(g).Peer)
		_, err := r.call(t.Context(), epoch, dms.Call{Method: "label"})
		if abi.CodeOf(err) != abi.Moved || err.Error() != "k1 "+k.node.Addr+" 3" {
			t.Errorf("a call of epoch %d: %v", epoch, err)
		}
		for _, name := range []string{api.KernelOpen, api.KernelCapture, api.KernelFetch} {
			_, err := tell[api.Snapshot](c.testOMS, k, name, api.ReplicaRef{Peer: ref(g).Peer, Epoch: epoch})
			if abi.CodeOf(err) != abi.Moved {
				t.Errorf("%s of epoch %d: %v", name, epoch, err)
			}
		}
	}
	if _, err := old.call(t.Context(), 1, dms.Call{Method: "label"}); abi.CodeOf(err) != abi.Moved {
		t.Errorf("the replica that was replaced answers %v", err)
	}
}

// Many starts of one replica at once end in one, of the latest epoch.
func TestStartRace(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.group(t, k, "raced", counter(t), api.Spec{})
	var wg sync.WaitGroup
	for epoch := range uint64(8) {
		wg.Go(func() {
			_, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: epoch + 1})
			if err != nil && !errors.Is(err, abi.ErrExists) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r, err := k.find(ref(g).Peer); err != nil || r.epoch != 8 || closed(&r.gate) {
		t.Errorf("epoch %d, %v", r.epoch, err)
	}
}

// Captures see what the DMs keep while no call is inside: the race detector tells.
func TestCaptureIsQuiet(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "busy", counter(t), probing("Probe"))
	const callers, calls = 4, 50
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				if _, err := try[int64](k, "busy", "add", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		s, err := tell[api.Snapshot](c.testOMS, k, api.KernelCapture, ref(g))
		if err != nil {
			t.Fatal(err)
		}
		var n uint64
		if err := abi.Decode(s.Cells[0]["kept"], &n); err != nil || n != s.Version {
			t.Errorf("the DM has seen %d calls, the guest %d: %v", n, s.Version, err)
		}
	}
	wg.Wait()
	want(t, k, int64(callers*calls), "busy", "get")
}

// What a guest sends to itself is done when its call has returned and before that
// is answered, and not at all if the call failed.
func TestVerbsToItself(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	c.deploy(k, "me", conformance(t), probing("Probe"))
	c.deploy(k, "spoiled", conformance(t), probing("Probe(spoil=verb)"))
	for n := range 3 {
		if _, err := try[any](k, "me", "verb", "me", "note"); err != nil {
			t.Fatal(err)
		}
		if got := kept(t, k, "me"); got != 101*(n+1) {
			t.Errorf("after %d calls the DM has %d, want %d", n+1, got, 101*(n+1))
		}
	}
	if _, err := try[any](k, "me", "verb", "me", "nonsense"); err != nil {
		t.Errorf("a verb that fails later fails its call: %v", err)
	}
	if !strings.Contains(c.log.String(), "a verb the microservice sent to itself failed") {
		t.Error("and no one hears of it")
	}
	if _, err := try[any](k, "spoiled", "verb", "spoiled", "note"); !errors.Is(err, abi.ErrConflict) {
		t.Fatal(err)
	}
	if got := kept(t, k, "spoiled"); got != 1 {
		t.Errorf("a call that failed sent its verb: %d", got)
	}
	for _, r := range k.all() {
		if len(r.deferred) != 0 || r.deferring.Load() != 0 {
			t.Errorf("%s still has verbs to send: %v", r.peer, r.deferred)
		}
	}
}
