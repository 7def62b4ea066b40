package standard_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/internal/dmdoc"
)

// sapphire has a test of what the paper says of each of its 26 DMs.
var sapphire = map[string]func(*bench){
	"Immutable":                        immutable,
	"AtLeastOnceRPC":                   atLeastOnce,
	"KeepInPlace":                      keepInPlace,
	"KeepInCloud":                      keepInCloud,
	"KeepOnDevice":                     keepOnDevice,
	"ExplicitCaching":                  explicitCaching,
	"LeaseCaching":                     leaseCaching,
	"WriteThroughCaching":              writeThrough,
	"ConsistentCaching":                consistent,
	"SerializableRPC":                  serializable,
	"LockingTransactions":              locking,
	"OptimisticTransactions":           optimistic,
	"ExplicitCheckpoint":               explicitCheckpoint,
	"PeriodicCheckpoint(every=3)":      periodicCheckpoint,
	"DurableSerializableRPC":           durableRPC,
	"DurableTransactions":              durableTransactions,
	"ConsensusRSM-Cluster":             cluster,
	"ConsensusRSM-Geo":                 geo,
	"ConsensusRSM-P2P":                 p2p,
	"ExplicitMigration":                explicitMigration,
	"DynamicMigration(window=2s)":      dynamicMigration,
	"ExplicitCodeOffloading":           explicitOffloading,
	"CodeOffloading":                   codeOffloading,
	"LoadBalancedFrontEnd(replicas=3)": frontEnd,
	"ScaleUpFrontEnd":                  scaleUp,
	"LoadBalancedMasterSlave":          masterSlave,
}

// A bench is a microservice under one DM: first on the phone p, or on a if that may not
// be. Between any two nodes a message takes 50 ms.
type bench struct {
	*testing.T
	*dmtest.Cluster
	spec string
}

// TestSapphire holds each DM to its sentence.
func TestSapphire(t *testing.T) {
	if len(sapphire) != 26 || len(dmdoc.Sapphire) != 26 {
		t.Errorf("%d tests of %d sentences; the table has 26", len(sapphire), len(dmdoc.Sapphire))
	}
	for spec, test := range sapphire {
		name, _, _ := strings.Cut(spec, "(")
		sentence, ok := dmdoc.Sapphire[name]
		if !ok {
			t.Errorf("the paper says nothing of %s", name)
		}
		t.Run(name+": "+sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(deploy(t, spec)) })
		})
	}
}

const way = 50 * time.Millisecond

func deploy(t *testing.T, spec string, more ...dms.DM) *bench {
	nodes := []dms.Node{
		dmtest.Node("p", dms.Device, "east"), dmtest.Node("a", dms.Cloud, "east"), dmtest.Node("b", dms.Cloud, "east"),
		dmtest.Node("c", dms.Cloud, "west"), dmtest.Node("q", dms.Device, "north"), dmtest.Node("r", dms.Device, "east"),
	}
	cl, err := dmtest.Deploy(t, dmtest.NewList, append(more, dmtest.Parse(t, spec)...), nodes...)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range nodes {
		for _, y := range nodes[:i] {
			cl.Delay(x.ID, y.ID, way)
		}
	}
	return &bench{t, cl, spec}
}

// takes fails the test unless f takes from at least to at most.
func (b *bench) takes(least, most time.Duration, f func()) {
	b.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took < least || took > most {
		b.Errorf("took %v; want %v to %v", took, least, most)
	}
}

func (b *bench) at(want ...string) {
	b.Helper()
	if got := b.Where(); !slices.Equal(got, want) {
		b.Errorf("on %v; want %v", got, want)
	}
}

func (b *bench) verb(c *dmtest.Client, v dms.Verb, args ...any) {
	b.Helper()
	if err := c.Verb(v, args...); err != nil {
		b.Errorf("%s: %v", v, err)
	}
}

// crash makes the primary's node fail and come back.
func (b *bench) crash() {
	at := b.Where()[0]
	b.Kill(at)
	time.Sleep(time.Second)
	b.Restart(at)
	time.Sleep(time.Second)
}

func immutable(b *bench) {
	c := b.Client("c")
	b.takes(2*way, 4*way, func() { c.Want(b) })
	b.takes(0, 0, func() { c.Want(b) })
	_, err := c.Append(1)
	dmtest.WantError(b, err, abi.ErrPermission)
}

func atLeastOnce(b *bench) {
	b.Cut("c", "p")
	time.AfterFunc(3*time.Second, b.Heal)
	b.takes(3*time.Second, 5*time.Second, func() { b.Client("c").Add(b, 1) })
	b.Kill("p")
	b.takes(18*time.Second, 20*time.Second, func() {
		_, err := b.Client("c").Append(2)
		dmtest.WantError(b, err, abi.ErrUnavailable)
	})
}

func keepInPlace(b *bench) {
	dmtest.WantError(b, b.Move("a"), abi.ErrPlacement)
	b.at("p")
}

func keepInCloud(b *bench) {
	b.at("a")
	dmtest.WantError(b, b.Move("p"), abi.ErrPlacement)
	if err := b.Move("c"); err != nil {
		b.Error(err)
	}
	b.at("c")
}

func keepOnDevice(b *bench) {
	time.Sleep(2 * time.Second)
	b.Client("q").Add(b, 1)
	time.Sleep(time.Second)
	b.at("q")
	b.Client("a").Add(b, 2) // which is no device
	time.Sleep(time.Second)
	b.at("q")
}

func explicitCaching(b *bench) {
	c := b.Client("c")
	b.verb(c, "pull")
	b.takes(0, 0, func() { c.Add(b, 1) })
	b.Client("a").Want(b)
	b.verb(c, "push")
	b.Client("a").Want(b, 1)
}

func leaseCaching(b *bench) {
	c := b.Client("c")
	c.Add(b, 1)
	b.takes(0, 0, func() { c.Want(b, 1) })
	_, err := b.Client("a").List()
	dmtest.WantError(b, err, abi.ErrLeased)
}

func writeThrough(b *bench) {
	c := b.Client("c")
	c.Want(b)
	b.Client("a").Add(b, 1)
	b.takes(0, 0, func() { c.Want(b) }) // stale
	b.takes(2*way, 4*way, func() { c.Add(b, 2) })
	c.Want(b, 1, 2)
}

func consistent(b *bench) {
	b.Client("c").Want(b)
	b.Client("q").Want(b)
	b.Client("a").Add(b, 1)
	for _, id := range []string{"c", "q"} {
		b.takes(0, 0, func() { b.Client(id).Want(b, 1) })
	}
}

func serializable(b *bench) {
	dm, err := dms.Parse(b.spec)
	if err != nil {
		b.Fatal(err)
	}
	inside := 0
	h := dm.(dms.Instancer).Instance(nil, func(context.Context, dms.Call) ([]byte, error) {
		if inside++; inside != 1 {
			b.Errorf("%d calls at once", inside)
		}
		time.Sleep(time.Second)
		inside--
		return nil, nil
	})
	var calls sync.WaitGroup
	b.takes(3*time.Second, 3*time.Second, func() {
		for range 3 {
			calls.Go(func() {
				if _, err := h(b.Context(), dms.Call{}); err != nil {
					b.Error(err)
				}
			})
		}
		calls.Wait()
	})
}

func locking(b *bench) {
	c, a := b.Client("c"), b.Client("a")
	b.verb(c, "begin")
	c.Add(b, 1, 2)
	dmtest.WantError(b, a.Verb("begin"), abi.ErrLeased)
	b.verb(c, "commit")
	b.verb(a, "begin")
	a.Want(b, 1, 2)
	a.Add(b, 3)
	b.verb(a, "rollback")
	c.Want(b, 1, 2)
}

func optimistic(b *bench) {
	c, a := b.Client("c"), b.Client("a")
	b.verb(c, "begin")
	b.verb(a, "begin")
	c.Add(b, 1)
	a.Add(b, 2)
	b.verb(c, "commit")
	dmtest.WantError(b, a.Verb("commit"), abi.ErrConflict)
	a.Want(b, 1)
}

func explicitCheckpoint(b *bench) {
	c := b.Client("c")
	c.Add(b, 1)
	b.verb(c, "checkpoint")
	c.Add(b, 2)
	b.crash()
	c.Want(b, 1)
}

func periodicCheckpoint(b *bench) {
	c := b.Client("c")
	c.Add(b, 1, 2, 3, 4, 5, 6, 7)
	b.crash()
	c.Want(b, 1, 2, 3, 4, 5, 6)
}

func durableRPC(b *bench) {
	c := b.Client("c")
	c.Add(b, 1, 2)
	if err := c.Do(b.Context(), nil, "fail", 3); err == nil {
		b.Error("it did not fail")
	}
	c.Want(b, 1, 2)
	b.crash()
	c.Want(b, 1, 2)
}

func durableTransactions(b *bench) {
	c := b.Client("c")
	b.verb(c, "begin")
	c.Add(b, 1, 2)
	b.verb(c, "commit")
	b.verb(c, "begin")
	c.Add(b, 3)
	b.crash()
	time.Sleep(20 * time.Second) // the transaction that was under way ends
	b.Client("a").Want(b, 1, 2)
}

// loses has f of the replicas fail, and sees that the others go on, with all there was.
func (b *bench) loses(f int) {
	q := b.Client("q")
	q.Add(b, 1)
	at := b.Where()
	if len(at) != 2*f+1 {
		b.Fatalf("replicas on %v; want %d", at, 2*f+1)
	}
	lost := slices.DeleteFunc(at, func(id string) bool { return id == "q" })[:f]
	for _, id := range lost {
		b.Kill(id)
	}
	q.Add(b, 2)
	q.Want(b, 1, 2)
}

// cluster is one region's.
func cluster(b *bench) {
	for _, id := range b.Where() {
		if !slices.Contains([]string{"p", "a", "b", "r"}, id) {
			b.Errorf("a replica on %s, in another region", id)
		}
	}
	b.loses(1)
}

func geo(b *bench) {
	b.at("p", "c", "q")
	b.loses(1)
}

func p2p(b *bench) {
	for _, id := range []string{"a", "q", "r"} { // a is no device
		b.Client(id).Want(b)
	}
	time.Sleep(2 * time.Second)
	b.at("p", "q", "r")
	b.loses(1)
}

func explicitMigration(b *bench) {
	b.Client("q").Add(b, 1)
	b.verb(b.Client("q"), "migrate", "c")
	b.at("c")
	b.Client("q").Want(b, 1)
}

func dynamicMigration(b *bench) {
	for range 100 {
		if _, err := b.Client("c").List(); err != nil {
			b.Fatal(err)
		}
	}
	b.at("c")
}

func explicitOffloading(b *bench) {
	b.Client("p").Add(b, 1)
	b.verb(b.Client("p"), "offload")
	b.at("a")
	b.verb(b.Client("p"), "onload")
	b.at("p")
	b.Client("p").Want(b, 1)
}

// codeOffloading has a method that takes long on a device, and one that does not.
func codeOffloading(b *bench) {
	b = deploy(b.T, b.spec, slowDevice{})
	p := b.Client("p")
	for n := range 50 {
		p.Add(b, n)
		if _, err := p.List(); err != nil {
			b.Fatal(err)
		}
	}
	b.takes(2*way, time.Second, func() { p.Add(b, 50) })
	b.takes(0, 0, func() { _, _ = p.List() })
}

type slowDevice struct{}

func (slowDevice) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if c.Here().Labels["tier"] == dms.Device && call.Method == "append" {
			time.Sleep(5 * time.Second)
		}
		return next(ctx, call)
	}
}

func frontEnd(b *bench) {
	b.at("p", "a", "b")
	b.Client("q").Add(b, 1, 2, 3)
	for i, l := range b.Lists() {
		if len(l) != 1 {
			b.Errorf("replica %d ran %v; calls go round", i, l)
		}
	}
}

func scaleUp(b *bench) {
	first := len(b.Where())
	ctx, stop := context.WithTimeout(b.Context(), 20*time.Second)
	defer stop()
	var load sync.WaitGroup
	for range 60 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := b.Client("q").Do(b.Context(), nil, "work", 100); err != nil && !errors.Is(err, abi.ErrOverloaded) {
					b.Errorf("under load: %v", err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	load.Wait()
	if n := len(b.Where()); n <= first {
		b.Errorf("%d replicas under load", n)
	}
	time.Sleep(5 * time.Minute)
	if n := len(b.Where()); n != first {
		b.Errorf("%d replicas when idle, and %d at first", n, first)
	}
}

func masterSlave(b *bench) {
	time.Sleep(2 * time.Second)
	b.Client("q").Add(b, 1, 2)
	time.Sleep(time.Second)
	all := b.Lists()
	if len(all) != 3 {
		b.Errorf("%d replicas", len(all))
	}
	for i, l := range all {
		if !slices.Equal(l, []int{1, 2}) {
			b.Errorf("replica %d ends in %v", i, l)
		}
	}
}
