package replication_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/replication"
)

var (
	regions = []dms.Node{
		dmtest.Node("a", dms.Cloud, "east"), dmtest.Node("b", dms.Cloud, "west"), dmtest.Node("b2", dms.Cloud, "west"),
		dmtest.Node("c", dms.Cloud, "north"), dmtest.Node("c2", dms.Cloud, "north"),
	}
	devices = []dms.Node{
		dmtest.Node("a", dms.Device, "east"), dmtest.Node("b", dms.Device, "west"), dmtest.Node("c", dms.Device, "east"),
		dmtest.Node("d", dms.Device, "west"), dmtest.Node("server", dms.Cloud, "east"),
	}
)

func run(t *testing.T, spec string, nodes []dms.Node, f func(t *testing.T, cl *dmtest.Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, []string{spec}, nodes...)) })
}

// where fails the test unless the replicas are on these nodes, in whatever order.
func where(t *testing.T, cl *dmtest.Cluster, want ...string) {
	t.Helper()
	got := cl.Where()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("replicas on %v; want %v", got, want)
	}
}

func TestTooFewNodes(t *testing.T) {
	for spec, c := range map[string]struct {
		nodes []dms.Node
		say   []string
	}{
		"ConsensusRSM-Cluster(replicas=5)": {dmtest.Nodes(), []string{"5 replicas", "region \"east\"", "allows 4", "replicas=3"}},
		"ConsensusRSM-Cluster":             {regions, []string{"3 replicas", "allows 1", "replicas=1"}},
		"ConsensusRSM-Geo(replicas=5)":     {regions, []string{"5 replicas", "allows 3 (east, north, west)", "replicas=3"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := dmtest.Deploy(t, dmtest.NewList, dmtest.Parse(t, spec), c.nodes...)
			dmtest.WantError(t, err, abi.ErrPlacement, c.say...)
		})
	}
}

func TestLostReplicaIsReplaced(t *testing.T) {
	run(t, "ConsensusRSM-Cluster", dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		d := cl.Client("d")
		d.Add(t, 1)
		cl.Kill("a")
		d.Add(t, 2) // the others go on before anyone is replaced
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "b", "c", "d")
		cl.Kill("b")
		d.Add(t, 3)
		time.Sleep(4 * dmtest.NodeLease)
		where(t, cl, "b", "c", "d") // no node is free, so b counts
		cl.Restart("a")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "a", "c", "d")
		cl.Kill("c") // a has all it needs
		d.Want(t, 1, 2, 3)
	})
}

func TestLostMajorityIsWaitedFor(t *testing.T) {
	run(t, "ConsensusRSM-Cluster", dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		d := cl.Client("d")
		d.Add(t, 1)
		cl.Kill("a")
		cl.Kill("b")
		time.Sleep(10 * dmtest.NodeLease)
		where(t, cl, "a", "b", "c")
		start := time.Now()
		_, err := d.List()
		dmtest.WantError(t, err, abi.ErrUnavailable, "tried")
		if took := time.Since(start); took < 5*time.Second || took > 12*time.Second {
			t.Errorf("gave up after %v", took)
		}
		cl.Restart("b")
		d.Want(t, 1)
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "b", "c", "d") // a majority replaces the other
		d.Add(t, 2)
		d.Want(t, 1, 2)
	})
}

// What the OMS did not see, or had begun, it finishes when it is back.
func TestRepairOutlivesTheOMS(t *testing.T) {
	run(t, "ConsensusRSM-Cluster", dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		d := cl.Client("d")
		d.Add(t, 1)
		cl.StopOMS()
		cl.Kill("a")
		d.Add(t, 2)
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "a", "b", "c")
		cl.StartOMS()
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "b", "c", "d")
		d.Want(t, 1, 2)
	})
}

// Callers that lose every other answer see each of their calls run once.
func TestRunsOnce(t *testing.T) {
	run(t, "ConsensusRSM-Cluster", dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		for i, a := range cl.Where() {
			for _, b := range append(cl.Where()[:i], "d") {
				cl.Delay(a, b, time.Millisecond)
			}
		}
		cl.Lossy(0.3)
		var callers sync.WaitGroup
		for i, id := range []string{"a", "b", "c", "d"} {
			callers.Go(func() {
				for n := range 20 {
					cl.Client(id).Add(t, 100*i+n)
				}
			})
		}
		callers.Wait()
		cl.Heal()
		got, err := cl.Client("d").List()
		if slices.Sort(got); err != nil || len(got) != 80 || len(slices.Compact(got)) != 80 {
			t.Errorf("%d numbers, %v: %v", len(got), err, got)
		}
	})
}

func TestGeo(t *testing.T) {
	run(t, "ConsensusRSM-Geo", regions, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b", "c")
		dmtest.WantError(t, cl.MoveFrom("a", "b2"), abi.ErrPlacement)
		c := cl.Client("c2")
		c.Add(t, 1)
		cl.Kill("b")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "a", "b2", "c") // west is free again
		cl.Restart("b")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "a", "b2", "c")
		c.Add(t, 2)
		c.Want(t, 1, 2)
	})
}

func TestP2P(t *testing.T) {
	run(t, "ConsensusRSM-P2P", devices, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a")
		cl.Client("server").Add(t, 1)
		cl.Client("b").Add(t, 2)
		time.Sleep(time.Second)
		where(t, cl, "a") // two are no better than one
		cl.Client("c").Add(t, 3)
		time.Sleep(time.Second)
		where(t, cl, "a", "b", "c")
		cl.Kill("a")
		time.Sleep(2 * dmtest.NodeLease)
		where(t, cl, "a", "b", "c") // no one else has called
		cl.Client("d").Add(t, 4)
		time.Sleep(time.Second)
		where(t, cl, "b", "c", "d")
		cl.Client("server").Want(t, 1, 2, 3, 4)
	})
}

func TestValidate(t *testing.T) {
	for spec, say := range map[string]string{
		"ConsensusRSM-Cluster(replicas=4)":  "write replicas=3 or replicas=5",
		"ConsensusRSM-Geo(replicas=0)":      "not more than zero",
		"ConsensusRSM-P2P(timeout=-1s)":     "not more than zero",
		"ConsensusRSM-Cluster(replicas=-2)": "not more than zero",
	} {
		_, err := dms.Parse(spec)
		dmtest.WantError(t, err, abi.ErrRefused, say)
	}
}
