package kernel

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func TestSendThenStay(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "stays", conformance(t), api.Spec{})
	want(t, k1, int64(2), "stays", "count", 2)
	rep, err := c.send(g, k1, k2)
	if err != nil || rep.Bytes == 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	source, _ := k1.find(ref(g).Peer)
	arrived, err := k2.find(ref(g).Peer)
	if err != nil || !closed(&source.gate) || !closed(&arrived.gate) || arrived.epoch != 2 {
		t.Fatalf("the gates are open before the directory has spoken: %v", err)
	}
	if _, err := tell[api.None](c.testOMS, k2, api.KernelForget, api.ForgetRequest{ReplicaRef: api.ReplicaRef{Peer: ref(g).Peer, Epoch: 2}, To: &g.Replicas[0]}); err != nil {
		t.Fatal(err)
	}
	if _, err := tell[api.None](c.testOMS, k1, api.KernelOpen, ref(g)); err != nil {
		t.Fatal(err)
	}
	want(t, k1, int64(3), "stays", "count", 1)
	_, err = k2.find(ref(g).Peer)
	if abi.CodeOf(err) != abi.Moved || !strings.HasPrefix(err.Error(), "k1 ") {
		t.Errorf("k2 says %v of it", err)
	}
	<-arrived.freed
}

// Callers that wait while a replica moves follow it, with the same call, and each
// call runs once.
func TestSendMovesThoseWhoWait(t *testing.T) {
	c := newCluster(t, 3)
	resetPassed()
	g := c.deploy(c.kernels[0], "mover", counter(t), probing("Probe"))
	const callers, calls = 6, 40
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range calls {
				if _, err := try[int64](c.kernels[i%3], "mover", "add", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	at := c.kernels[0]
	for _, to := range []int{1, 2, 0, 1} {
		c.move(&g, at, c.kernels[to])
		at = c.kernels[to]
	}
	wg.Wait()
	want(t, c.kernels[2], int64(callers*calls), "mover", "get")
	if n := kept(t, c.kernels[0], "mover"); n != callers*calls+1 {
		t.Errorf("the DM kept %d calls on its way, want %d", n, callers*calls+1)
	}
	passed.Lock()
	defer passed.Unlock()
	places := map[string]bool{}
	for id, n := range passed.left {
		if n != 1 || len(passed.arrived[id]) != 1 {
			t.Errorf("call %d left %d times and ran at %v", id, n, passed.arrived[id])
			continue
		}
		places[passed.arrived[id][0]] = true
	}
	if len(passed.arrived) != len(passed.left) {
		t.Errorf("%d calls left and %d arrived: some changed their ID on the way", len(passed.left), len(passed.arrived))
	}
	t.Logf("calls ran at %v", places)
}

// One that waits at the gate is turned over to the new place.
func TestSendTurnsOverWhoWaitsAtTheGate(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "mover", counter(t), probing("Probe"))
	want(t, k1, int64(1), "mover", "add", 1)
	old := ref(g)
	if _, err := c.send(g, k1, k2); err != nil {
		t.Fatal(err)
	}
	resetPassed()
	var wg sync.WaitGroup
	wg.Go(func() { want(t, k1, int64(2), "mover", "add", 1) })
	eventually(t, "the call has left its caller", func() bool {
		passed.Lock()
		defer passed.Unlock()
		return len(passed.left) == 1
	})
	c.place(&g, k2)
	if _, err := tell[api.None](c.testOMS, k2, api.KernelOpen, ref(g)); err != nil {
		t.Fatal(err)
	}
	if _, err := tell[api.None](c.testOMS, k1, api.KernelForget, api.ForgetRequest{ReplicaRef: old, To: &g.Replicas[0]}); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n := c.count("k1 oms.lookup " + g.ID); n != 0 {
		t.Errorf("it asked the directory %d times, and its kernel knew", n)
	}
	if _, err := tell[api.None](c.testOMS, k1, api.KernelForget, api.ForgetRequest{ReplicaRef: old, To: nil}); err != nil {
		t.Errorf("forgetting again: %v", err)
	}
}

// A capture while a move is under way does not open the gate: a call that ran at the
// source now would be lost.
func TestCaptureDoesNotEndAMove(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "mover", counter(t), api.Spec{})
	if _, err := c.send(g, k1, k2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := k1.serveCapture(ctx, nil, ref(g)); err == nil {
		t.Error("it was captured")
	}
	if r, _ := k1.find(ref(g).Peer); !closed(&r.gate) {
		t.Error("the capture opened the gate")
	}
}

func TestSendKeeps(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "twice", counter(t), probing("Probe"))
	want(t, k1, int64(4), "twice", "add", 4)
	if _, err := verb(k1, "twice", "save"); err != nil {
		t.Fatal(err)
	}
	g.Replicas = append(g.Replicas, api.Replica{Peer: g.ID + "/1", Node: k2.node, Epoch: 1})
	g.Revision++
	c.do(func() { c.groups[g.ID] = g })
	_, err := tell[api.SendReply](c.testOMS, k1, api.KernelSend, api.SendRequest{
		ReplicaRef: ref(g), To: k2.node, Keep: true, Start: api.StartRequest{Group: g, Peer: g.ID + "/1", Epoch: 1, Resume: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := k2.find(g.ID + "/1")
	if err != nil || !closed(&r.gate) {
		t.Fatalf("the new replica is open already: %v", err)
	}
	want(t, k1, int64(5), "twice", "add", 1)
	if _, err := tell[api.None](c.testOMS, k2, api.KernelOpen, api.ReplicaRef{Peer: g.ID + "/1", Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	out, err := r.call(t.Context(), 1, dms.Call{ID: 1, Method: "get"})
	if err != nil || string(out) != "\x04" {
		t.Errorf("the new replica answers %x, %v; want 4, as it was when it was made", out, err)
	}
	if files := saves(k2, g); len(files) != 0 {
		t.Errorf("another replica's checkpoint came along: %v", files)
	}
}

func TestCheckpointsTravelBetweenStores(t *testing.T) {
	c := newCluster(t, 0)
	shared := t.TempDir()
	k1, k2, k3 := c.start("k1", ""), c.start("k2", shared), c.start("k3", shared)
	g := c.deploy(k1, "saver", counter(t), probing("Probe"))
	want(t, k1, int64(9), "saver", "add", 9)
	c.move(&g, k1, k2) // nothing is saved yet
	if files := saves(k2, g); len(files) != 0 {
		t.Errorf("saved are %v", files)
	}
	c.move(&g, k2, k1)
	if _, err := verb(k1, "saver", "save"); err != nil {
		t.Fatal(err)
	}
	content := func(k *Kernel) string {
		files := saves(k, g)
		if len(files) != 1 {
			t.Fatalf("%s has saved %v", k.node.ID, files)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	saved := content(k1)
	c.move(&g, k1, k2)
	if content(k2) != saved {
		t.Error("k2 has another checkpoint than k1 wrote")
	}
	before := saves(k2, g)
	c.move(&g, k2, k3) // which reads the same files
	if after := saves(k3, g); !slices.Equal(before, after) {
		t.Errorf("checkpoints were %v and are %v", before, after)
	}
	// Deleted, nothing stays of it.
	if _, err := tell[api.None](c.testOMS, k3, api.KernelForget, api.ForgetRequest{ReplicaRef: ref(g)}); err != nil {
		t.Fatal(err)
	}
	if files := saves(k3, g); len(files) != 0 {
		t.Errorf("of a deleted replica there are %v", files)
	}
}

// A kernel that hears nothing asks, and does what the directory says.
func TestSettleAsks(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	for _, test := range []struct {
		name   string
		answer func(g *api.Group)
		open   bool
		gone   string // what k1 says of it then, "" if it is there
	}{
		{"stays", func(*api.Group) {}, true, ""},
		{"moved", func(g *api.Group) { c.place(g, k2) }, false, "k2 "},
		{"deleted", func(g *api.Group) { c.do(func() { delete(c.groups, g.ID) }) }, false, "from kernel k1"},
		{"placed here again", func(g *api.Group) { c.place(g, k1) }, false, "k1 "},
		{"the OMS is away", func(*api.Group) { c.stop() }, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := c.deploy(k1, test.name, counter(t), api.Spec{})
			if _, err := c.send(g, k1, k2); err != nil {
				t.Fatal(err)
			}
			r, _ := k1.find(ref(g).Peer)
			peer := ref(g).Peer
			test.answer(&g)
			k1.askSettled(r)
			if closed(&r.gate) == test.open && test.gone == "" {
				t.Errorf("open is %v, want %v", !test.open, test.open)
			}
			_, err := k1.find(peer)
			if (err == nil) != (test.gone == "") || err != nil && !strings.HasPrefix(err.Error(), test.gone) {
				t.Errorf("k1 says %v, want %q", err, test.gone)
			}
			if waits := r.settleAfter(0, nil); waits != (test.gone == "" && !test.open) {
				t.Errorf("it asks again: %v", waits)
			}
		})
	}
}

func TestSendBringsTheModule(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "new", counter(t), api.Spec{})
	for range 2 { // the second time it is there
		c.move(&g, k1, k2)
		c.move(&g, k2, k1)
	}
	if n := c.count("k2 module"); n != 1 {
		t.Errorf("k2 fetched the module %d times", n)
	}
	if _, err := os.Stat(filepath.Join(k2.modules.dir, digestOf(counter(t))+".wasm")); err != nil {
		t.Error(err)
	}
}

func TestSendThatFailsChangesNothing(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "stays", conformance(t), probing("Probe"))
	want(t, k1, int64(1), "stays", "count", 1)
	there := func(what string) {
		t.Helper()
		r, err := k1.at(ref(g))
		if err != nil || closed(&r.gate) || r.settle != nil {
			t.Errorf("%s: it does not serve at its old place: %v", what, err)
		}
		if _, err := k2.find(ref(g).Peer); err == nil {
			t.Errorf("%s: it is at the new place", what)
		}
		want(t, k1, int64(1), "stays", "count", 0)
	}

	to := k2.node
	to.Addr = "127.0.0.1:1" // no one listens
	_, err := tell[api.SendReply](c.testOMS, k1, api.KernelSend, api.SendRequest{ReplicaRef: ref(g), To: to, Start: api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: 2}})
	if abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("to a kernel that is not there: %v", err)
	}
	there("no kernel there")

	bad := g
	bad.Spec.DMs = []string{"Probe(break=build)"}
	if _, err := c.send(bad, k1, k2); abi.CodeOf(err) != abi.Internal {
		t.Errorf("a start that fails: %v", err)
	}
	there("no start there")

	// A call that does not end.
	ctx, stop := context.WithCancel(t.Context())
	inside := make(chan error, 1)
	r, _ := k1.at(ref(g))
	go func() {
		_, err := r.call(ctx, 1, dms.Call{ID: 1, Method: "spin", Args: []byte{0x80}})
		inside <- err
	}()
	eventually(t, "the call is inside", func() bool {
		r.gate.mu.Lock()
		defer r.gate.mu.Unlock()
		return r.gate.inside == 1
	})
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = k1.serveSend(short, nil, api.SendRequest{ReplicaRef: ref(g), To: k2.node, Start: api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: 2}})
	if abi.CodeOf(err) != abi.Overloaded || !strings.Contains(err.Error(), "stays on kernel k1") {
		t.Errorf("a replica that is never quiet: %v", err)
	}
	if closed(&r.gate) {
		t.Error("its gate stays closed")
	}
	stop()
	if err := <-inside; abi.CodeOf(err) == abi.OK {
		t.Error("spin ended")
	}

	if _, err := tell[api.SendReply](c.testOMS, k1, api.KernelSend, api.SendRequest{ReplicaRef: api.ReplicaRef{Peer: ref(g).Peer, Epoch: 7}, To: k2.node}); abi.CodeOf(err) != abi.Moved {
		t.Errorf("of another epoch: %v", err)
	}
}
