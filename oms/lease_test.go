package oms_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
)

// bubble runs f with a network in virtual time.
func bubble(t *testing.T, f func(t *testing.T, n *network)) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		n.wait = synctest.Wait
		f(t, n)
	})
}

func (n *network) status(id string) api.NodeStatus {
	n.t.Helper()
	all := n.oms.Nodes()
	i := slices.IndexFunc(all, func(s api.NodeStatus) bool { return s.ID == id })
	if i < 0 {
		n.t.Fatalf("no node %s in %v", id, all)
	}
	return all[i]
}

func TestLeaseLastsAsLongAsItIsRenewed(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		time.Sleep(time.Hour)
		if s := n.status("k1"); !s.Live || s.LeaseEnd.Before(time.Now()) {
			t.Errorf("after an hour of renewals: %+v", s)
		}
		k.kill()
		end := n.status("k1").LeaseEnd
		time.Sleep(time.Until(end) - time.Nanosecond)
		if !n.status("k1").Live {
			t.Error("failed before its lease ended")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n.status("k1").Live {
			t.Error("live after its lease ended")
		}
		_, err := n.oms.Renew(context.Background(), k, api.RenewRequest{Node: "k1", Incarnation: k.inc})
		if !errors.Is(err, abi.ErrNotFound) {
			t.Errorf("a lease that ended is renewed: %v", err)
		}
	})
}

func TestRenewNamesAnIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		for _, req := range []api.RenewRequest{{Node: "k1", Incarnation: 2}, {Node: "k2", Incarnation: 1}} {
			if _, err := n.oms.Renew(context.Background(), k, req); !errors.Is(err, abi.ErrNotFound) {
				t.Errorf("%+v: %v", req, err)
			}
		}
	})
}

func TestJoinChecksTheNode(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		for id, want := range map[string]string{"": "is not an ID", "a/b": "is not an ID", "@k": "is not an ID", "k 1": "is not an ID"} {
			k := n.kernel(id, "")
			if err := k.join(); !errors.Is(err, &abi.Error{Code: abi.BadArgument}) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q joins: %v", id, err)
			}
		}
		k := n.kernel("k1", "")
		k.node.Addr = ""
		if err := k.join(); err == nil || !strings.Contains(err.Error(), "gives no address") {
			t.Errorf("joins without an address: %v", err)
		}
	})
}

// A restarted OMS grants each kernel it knew a whole lease before it declares anything
// failed, but not those that had failed before.
func TestRestartGrantsWholeLeases(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		n.joined("k2", "").kill()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		n.joined("k3", "").kill()
		time.Sleep(9 * time.Second)
		n.crash()
		if n.status("k2").Live {
			t.Error("k2 failed before the restart and is live after it")
		}
		time.Sleep(9 * time.Second)
		if !n.status("k1").Live || !n.status("k3").Live {
			t.Error("failed within a lease of the restart")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !n.status("k1").Live || n.status("k3").Live {
			t.Errorf("k1 renews and k3 does not: %+v", n.oms.Nodes())
		}
	})
}

// What needs kernels waits after a restart until those that were there are back.
func TestRestartWaitsForKernels(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k1 := n.joined("k1", "")
		n.joined("k2", "").kill()
		digest := n.module("test")
		n.fs = n.clone()
		k1.hangUp()
		if err := n.oms.Close(); err != nil {
			t.Fatal(err)
		}
		n.open()
		began := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			k1.connect()
			go k1.renew()
			_, _ = n.oms.Renew(context.Background(), k1, api.RenewRequest{Node: "k1", Incarnation: k1.inc})
		}()
		g, err := n.oms.Deploy(context.Background(), api.DeployRequest{Spec: api.Spec{Module: digest}})
		if err != nil || g.Replicas[0].Node.ID != "k1" {
			t.Fatalf("%s, %v", showGroup(g), err)
		}
		if took := time.Since(began); took != 10*time.Second { // k2 had that long to come back
			t.Errorf("deployed after %v", took)
		}
	})
}

// Every live kernel learns of nodes and groups as they change.
func TestKernelsLearnOfChanges(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k1, k2 := n.joined("k1", ""), n.joined("k2", "")
		n.mustDeploy("kv")
		knows := func(k *kernel, nodes int, group string) {
			t.Helper()
			synctest.Wait()
			k.mu.Lock()
			defer k.mu.Unlock()
			if len(k.nodes) != nodes || showGroup(k.groups["m1"]) != group {
				t.Errorf("%s knows %v and %s; want %d nodes and %s", k.node.ID, k.nodes, showGroup(k.groups["m1"]), nodes, group)
			}
		}
		knows(k1, 2, "m1 kv rev=1 refs=1 m1/0@k1 e1")
		knows(k2, 2, "m1 kv rev=1 refs=1 m1/0@k1 e1")
		if _, err := n.oms.Migrate(context.Background(), api.MigrateRequest{Ref: "kv", To: "k2"}); err != nil {
			t.Fatal(err)
		}
		knows(k1, 2, "m1 kv rev=2 refs=1 m1/0@k2 e2")
		k2.kill()
		time.Sleep(11 * time.Second)
		knows(k1, 1, "m1 kv rev=3 refs=1 m1/0@k2 e3 lost")

		// One that could not be told is told later, of how it is then.
		k1.fail(api.KernelChanged, unsent, unsent)
		if err := n.oms.Delete(context.Background(), api.Ref{Ref: "kv"}); err != nil {
			t.Fatal(err)
		}
		if err := k2.restart(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		knows(k1, 2, "m1 kv rev=4 refs=1")
	})
}

// A kernel that kept its lease may have another address: its replicas stay.
func TestJoinAgainWithTheSameIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		n.mustDeploy("kv")
		k.hangUp()
		synctest.Wait()
		k.node.Addr, k.node.Labels = "elsewhere:2", map[string]string{"gpu": "yes"}
		if err := k.join(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		g, err := n.oms.Lookup(context.Background(), api.Ref{Ref: "kv"})
		if err != nil || g.Replicas[0].Lost || g.Replicas[0].Node.Addr != "elsewhere:2" || g.Replicas[0].Node.Labels["gpu"] != "yes" {
			t.Errorf("%+v, %v", g.Replicas, err)
		}
	})
}

// A kernel that does not hold what it should, though it never failed, has lost it.
func TestReconcileFindsWhatIsMissing(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		n.mustDeploy("durable", "TestDurable")
		n.mustDeploy("plain")
		k.save("m1/0", 7)
		k.mu.Lock()
		clear(k.replicas)
		k.replicas["m9/0"] = &replica{epoch: 3} // and holds what it should not
		k.mu.Unlock()
		n.crash()
		synctest.Wait()
		if got, want := n.show(), "m1 durable rev=3 refs=1 m1/0@k1 e3 recovers\nm2 plain rev=2 refs=1 m2/0@k1 e2 lost\nk1: m1/0=7 e3\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// A kernel with a closed gate that asks while its replica is being moved waits, and
// learns how the move ended.
func TestSettleWaitsForTheMove(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		k2 := n.joined("k2", "")
		n.mustDeploy("kv")
		k2.slow = 5 * time.Second
		go func() { _, _ = n.oms.Migrate(context.Background(), api.MigrateRequest{Ref: "kv", To: "k2"}) }()
		time.Sleep(time.Second)
		g, err := n.oms.Settle(context.Background(), api.Ref{Ref: "m1"})
		if err != nil || g.Replicas[0].Node.ID != "k2" {
			t.Errorf("settled as %s, %v", showGroup(g), err)
		}
		if _, err := n.oms.Settle(context.Background(), api.Ref{Ref: "m9"}); !errors.Is(err, abi.ErrNotFound) {
			t.Errorf("settles what is not: %v", err)
		}
	})
}
