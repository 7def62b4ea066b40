package kernel

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A kernel that cannot renew stops serving, and goes on where it was when it can.
func TestMemberServesOnlyUnderALease(t *testing.T) {
	c := newCluster(t, 0)
	c.ttl = 300 * time.Millisecond
	k := c.start("k1", "")
	c.deploy(k, "here", counter(t), api.Spec{})
	want(t, k, int64(3), "here", "add", 3)

	c.do(func() { c.refuse = abi.Errorf(abi.Storage, "the disk is full") })
	eventually(t, "the lease ends", func() bool { return !k.lease.held.Load() })
	_, err := try[int64](k, "here", "add", 1)
	if abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "has no lease") {
		t.Errorf("without a lease it says %v", err)
	}
	r, _ := k.find("m1/0")
	if _, err := k.serveAsk(t.Context(), nil, api.AskRequest{To: r.peer}); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("a message: %v", err)
	}
	if _, err := k.serveFetch(t.Context(), nil, api.ReplicaRef{Peer: r.peer, Epoch: 1}); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("a fetch: %v", err)
	}

	c.do(func() { c.refuse = nil })
	eventually(t, "it has a lease again", k.lease.held.Load)
	eventually(t, "it serves again", func() bool {
		n, err := try[int64](k, "here", "get")
		return err == nil && n == 3
	})
	if n := c.count("k1 join"); n != 1 {
		t.Errorf("it joined %d times", n)
	}
}

// A kernel that the OMS has given up on ends what it had and begins anew.
func TestMemberBeginsAnew(t *testing.T) {
	c := newCluster(t, 0)
	c.ttl = 150 * time.Millisecond
	k := c.start("k1", "")
	g := c.deploy(k, "here", counter(t), api.Spec{})
	r, _ := k.find(ref(g).Peer)
	k.mu.Lock()
	k.moved["m7/0"] = api.Replica{Node: k.node}
	k.mu.Unlock()
	var first uint64
	c.do(func() { first = c.members["k1"]; c.members["k1"] = 0 })
	<-r.freed
	eventually(t, "it is a member again", func() bool { return c.count("k1 join") == 2 && k.lease.held.Load() })
	c.do(func() {
		if c.members["k1"] == first {
			t.Error("it joined with the incarnation it had")
		}
	})
	for _, peer := range []string{ref(g).Peer, "m7/0"} {
		if _, err := k.find(peer); abi.CodeOf(err) != abi.Moved || err.Error() != "from kernel k1" {
			t.Errorf("%s: %v; it should know nothing", peer, err)
		}
	}
	if err := r.late(); err == nil {
		t.Error("an old replica may answer under the new lease")
	}
}

// An OMS that restarts finds its kernels as they were, and they ask what changed.
func TestMemberReachesTheOMSAgain(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "here", counter(t), api.Spec{})
	want(t, k2, int64(1), "here", "add", 1)
	before := c.count("k2 oms.lookup m1")
	c.stop()
	eventually(t, "the stream is lost", func() bool { return k1.oms.stream().Err() != nil && k2.oms.stream().Err() != nil })
	want(t, k2, int64(2), "here", "add", 1) // calls go on
	if _, err := k2.Call(t.Context(), "unknown", "m", nil); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("what needs the OMS says %v", err)
	}
	c.testOMS.start(t)
	eventually(t, "they renew", func() bool { return c.count("k1 renew") > 0 && c.count("k2 renew") > 0 })
	eventually(t, "they ask about what they know", func() bool { return c.count("k2 oms.lookup m1") > before })
	want(t, k2, int64(3), "here", "add", 1)
	if _, err := tell[api.Snapshot](c.testOMS, k1, api.KernelCapture, ref(g)); err != nil {
		t.Errorf("the OMS cannot ask it: %v", err)
	}
}

// A lease is counted from when it was asked for: the answer may take long.
func TestLeaseCountsFromTheAsking(t *testing.T) {
	o := newTestOMS(t)
	asked := make(chan time.Time, 1)
	o.joined = func() {
		asked <- time.Now()
		time.Sleep(50 * time.Millisecond)
	}
	c := &cluster{testOMS: o, t: t}
	k := c.start("k1", "")
	end := k.lease.base.Add(time.Duration(k.lease.until.Load()))
	if latest := (<-asked).Add(o.ttl); end.After(latest) {
		t.Errorf("the lease ends %v too late", end.Sub(latest))
	}
}

// While the OMS is dialled no one waits for that.
func TestOMSLinkDoesNotHoldUpCallers(t *testing.T) {
	l := newOMSLink("127.0.0.1:1", "k1", nil)
	if _, err := l.Lookup(t.Context(), "x"); abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "127.0.0.1:1 cannot be reached") {
		t.Errorf("before it was dialled: %v", err)
	}
	if _, _, err := l.dial(t.Context()); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("dial: %v", err)
	}
	l.close() // there is nothing to close
}

// What a kernel has begun ends with it.
func TestCloseLeavesNothingBehind(t *testing.T) {
	func() {
		o := newTestOMS(t)
		c := &cluster{testOMS: o, t: t}
		var ks []*Kernel
		for _, id := range []string{"k1", "k2"} {
			k, err := Start(t.Context(), Config{ID: id, Listen: "127.0.0.1:0", OMS: o.addr, Data: t.TempDir(), Engine: testEngine(), Log: c.log.logger()})
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is a member", k.lease.held.Load)
			ks = append(ks, k)
		}
		g := c.deploy(ks[0], "mover", counter(t), probing("Probe"))
		c.deploy(ks[0], "spinner", conformance(t), api.Spec{})
		want(t, ks[1], int64(1), "mover", "add", 1)
		c.move(&g, ks[0], ks[1])
		want(t, ks[0], int64(2), "mover", "add", 1)
		if _, err := c.send(g, ks[1], ks[0]); err != nil { // and no one says what became of it
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := try[any](ks[1], "spinner", "spin"); err == nil {
				t.Error("spin came to its end")
			}
		})
		spinner, _ := ks[0].find("m2/0")
		eventually(t, "a call is inside", func() bool { return spinner.calls.Load() == 1 })
		for _, k := range ks {
			hosted := k.all()
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			k.Close(ctx) // its error is that it cut the call short, or nil
			cancel()
			k.Close(ctx)
			for _, r := range hosted {
				select {
				case <-r.freed:
				default:
					t.Errorf("%s still runs %s, and its engine may be gone", k.node.ID, r.peer)
				}
			}
			if len(k.all()) != 0 {
				t.Errorf("%s still has %d replicas", k.node.ID, len(k.all()))
			}
		}
		wg.Wait()
		o.stop()
	}()
	var stacks string
	left := func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		_, others, _ := strings.Cut(stacks, "\n\n") // this one is the first
		return !strings.Contains(others, "amino.run/kernel.(*") && !strings.Contains(others, "amino.run/internal/mux.")
	}
	defer func() {
		if t.Failed() {
			t.Log(stacks)
		}
	}()
	eventually(t, "all goroutines have ended", left)
}
