package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// hold has a kernel hold the callers of g for the switch of number id.
func (c *cluster) hold(g api.Group, at *Kernel, id uint64) (api.HoldReply, error) {
	return tell[api.HoldReply](c.testOMS, at, api.KernelHold, api.HoldRequest{
		Group: g.ID, Switch: id, Generation: g.Generation, For: quietTimeout,
	})
}

// succeed starts a replica of the group next at a kernel, with the state of g's.
func (c *cluster) succeed(g, next api.Group, from, to *Kernel) (api.SendReply, error) {
	if _, err := tell[api.None](c.testOMS, from, api.KernelQuiet, ref(g)); err != nil {
		return api.SendReply{}, err
	}
	return tell[api.SendReply](c.testOMS, from, api.KernelSucceed, api.SendRequest{
		ReplicaRef: ref(g), To: to.node, Start: api.StartRequest{Group: next, Peer: ref(next).Peer, Epoch: 1},
	})
}

// after returns g under another chain, with one replica at a kernel.
func after(g api.Group, at *Kernel, specs ...string) api.Group {
	g.Spec.DMs = specs
	g.Generation++
	g.Revision += 2
	g.Replicas = []api.Replica{{Peer: fmt.Sprintf("%s/%d", g.ID, g.Generation), Node: at.node, Epoch: 1}}
	return g
}

// switchTo does all that an OMS does.
func (c *cluster) switchTo(g *api.Group, from, to *Kernel, specs ...string) {
	c.t.Helper()
	id := g.Generation + 100
	for _, k := range c.kernels {
		if rep, err := c.hold(*g, k, id); err != nil || !rep.Quiet {
			c.t.Fatalf("hold at %s: quiet %v, %v", k.node.ID, rep.Quiet, err)
		}
	}
	old, next := ref(*g), after(*g, to, specs...)
	if _, err := c.succeed(*g, next, from, to); err != nil {
		c.t.Fatal(err)
	}
	if _, err := tell[api.None](c.testOMS, to, api.KernelOpen, ref(next)); err != nil {
		c.t.Fatal(err)
	}
	*g = next
	c.do(func() { c.groups[g.ID] = next })
	for _, k := range c.kernels {
		if _, err := tell[api.None](c.testOMS, k, api.KernelRelease, api.ReleaseRequest{Switch: id, Group: next}); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := tell[api.None](c.testOMS, from, api.KernelForget, api.ForgetRequest{ReplicaRef: old}); err != nil {
		c.t.Fatal(err)
	}
}

// The chain is replaced, at the same kernel and at another, under calls from all. Each
// runs once, and new parts begin with nothing.
func TestSwitchUnderCalls(t *testing.T) {
	c := newCluster(t, 3)
	g := c.deploy(c.kernels[0], "switched", counter(t), probing("Probe"))
	const callers, calls = 6, 40
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range calls {
				if _, err := try[int64](c.kernels[i%3], "switched", "add", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	at := c.kernels[0]
	for i, chain := range [][]string{{}, {"Probe"}, {"KeepNothing"}, {"Probe(recovers=true)"}} {
		to := c.kernels[i%2]
		c.switchTo(&g, at, to, chain...)
		at = to
	}
	wg.Wait()
	want(t, c.kernels[2], int64(callers*calls), "switched", "get")
	before := kept(t, c.kernels[0], "switched")
	c.switchTo(&g, at, at, "Probe")
	if n := kept(t, c.kernels[0], "switched"); n != 0 {
		t.Errorf("the new parts begin with %d, the old ones had %d", n, before)
	}
}

// What a new chain that recovers comes back to is no older than the switch, before its
// DMs have saved anything; what the old one saved is gone.
func TestSwitchedStateComesBack(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "saver", counter(t), probing("Probe(recovers=true)"))
	want(t, k, int64(7), "saver", "add", 7)
	if _, err := verb(k, "saver", "save"); err != nil {
		t.Fatal(err)
	}
	there := func(name string) bool {
		_, err := k.store.load(name)
		return !errors.Is(err, abi.ErrNotFound)
	}
	old := savedAs(&g, ref(g).Peer)
	c.switchTo(&g, k, k, "Probe")
	if there(bornAs(&g, ref(g).Peer)) || there(old) {
		t.Error("a chain that does not recover has its state on disk, or the old chain's checkpoint is left")
	}
	want(t, k, int64(8), "saver", "add", 1)
	c.switchTo(&g, k, k, "Probe(recovers=true)")
	want(t, k, int64(9), "saver", "add", 1)

	recover := func(k *Kernel) {
		t.Helper()
		c.place(&g, k)
		start := api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: ref(g).Epoch, Recover: true}
		if _, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, start); err != nil {
			t.Fatal(err)
		}
		k.caller.Changed(g)
	}
	recover(k)
	want(t, k, int64(8), "saver", "get")
	k2 := c.start("k2", "") // of a store of its own: what it needs comes along
	c.move(&g, k, k2)
	recover(k2)
	want(t, k2, int64(8), "saver", "get")
}

// A kernel whose callers are held and that hears nothing asks, and goes on by what the
// OMS says.
func TestHeldCallersAsk(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "held", counter(t), api.Spec{})
	want(t, k2, int64(1), "held", "add", 1)
	for _, k := range c.kernels {
		if rep, err := c.hold(g, k, 7); err != nil || !rep.Quiet {
			t.Fatalf("quiet %v, %v", rep.Quiet, err)
		}
	}
	if _, err := c.hold(g, k2, 7); err != nil { // again, as in the next round
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), askAfter/10)
	defer cancel()
	if _, err := k2.Call(ctx, "held", "get", args(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call passed: %v", err)
	}
	want(t, k2, int64(2), "held", "add", 1) // when it has asked
	if n := c.count("k2 " + api.OMSSettle + " " + g.ID); n != 1 {
		t.Errorf("it asked %d times", n)
	}
	if _, err := c.hold(g, k2, 8); err != nil {
		t.Fatal(err)
	}
	c.do(func() { delete(c.groups, g.ID) })
	eventually(t, "a group that is deleted is held no more", func() bool { return !k2.caller.Held(g.ID, 8) })
}

func TestQuietReplica(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "quiet", counter(t), probing("Probe"))
	next := after(g, k)
	if _, err := c.succeed(g, next, k, k); err != nil {
		t.Fatal(err)
	}
	from := func(peer string) api.AskRequest {
		return api.AskRequest{Group: g.ID, From: peer, To: ref(g).Peer, Kind: "kernel.question", Body: args(t)[:0]}
	}
	if _, err := k.serveAsk(t.Context(), nil, from(g.ID+"/9")); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("a message of another replica: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, peer := range []string{"@k2", "m99/0"} {
		if _, err := k.serveAsk(ctx, nil, from(peer)); !errors.Is(err, context.Canceled) {
			t.Errorf("a message of %s does not wait: %v", peer, err)
		}
	}
	// Given up: the old one opens, the new one is forgotten.
	if _, err := tell[api.None](c.testOMS, k, api.KernelForget, api.ForgetRequest{ReplicaRef: ref(next)}); err != nil {
		t.Error(err)
	}
	if _, err := tell[api.None](c.testOMS, k, api.KernelOpen, ref(g)); err != nil {
		t.Error(err)
	}
	want(t, k, int64(1), "quiet", "add", 1)
	if r, _ := k.find(ref(g).Peer); r.leaving.Load() {
		t.Error("it turns messages away for ever")
	}
}

func init() { dms.Register("Stubborn", func() dms.DM { return new(stubborn) }) }

// stubborn lets no other chain take its place.
type stubborn struct{}

func (*stubborn) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	c.OnDrain(func(context.Context) error { return abi.Errorf(abi.Conflict, "a transaction is open") })
	return next
}

func TestDrainRefuses(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "stays", counter(t), probing("Stubborn"))
	if _, err := c.succeed(g, after(g, k), k, k); abi.CodeOf(err) != abi.Conflict {
		t.Errorf("it was drained: %v", err)
	}
}

// A kernel that was given up answers nothing from the copies it holds, also when it is
// a member again.
func TestCopiesEndWithTheLease(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	g := c.deploy(k, "copied", counter(t), api.Spec{})
	x := runCopy(t, k, g)
	get := func() error {
		_, err := x.Invoke(t.Context(), dms.Call{Method: "get", Args: args(t), ReadOnly: true})
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	held := k.lease.until.Load()
	k.lease.drop()
	if err := get(); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("without a lease: %v", err)
	}
	k.lease.until.Store(held)
	k.lease.held.Store(true)
	if err := get(); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("under the next lease: %v", err)
	}
}
