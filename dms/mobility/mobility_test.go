package mobility_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	_ "amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
	"amino.run/dms/mobility"
)

var mixed = []dms.Node{
	dmtest.Node("phone", dms.Device, "east"), dmtest.Node("a", dms.Cloud, "east"),
	dmtest.Node("b", dms.Cloud, "west"), dmtest.Node("c", dms.Cloud, "east"),
}

func run(t *testing.T, nodes []dms.Node, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, nodes...)) })
}

func where(t *testing.T, cl *dmtest.Cluster, want ...string) {
	t.Helper()
	if got := cl.Where(); !slices.Equal(got, want) {
		t.Errorf("replicas on %v; want %v", got, want)
	}
}

func TestKeepInPlace(t *testing.T) {
	run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		cl.SharedStore = true
		dmtest.WantError(t, cl.Move("b"), abi.ErrPlacement)
		where(t, cl, "a")
		b := cl.Client("b")
		b.Add(t, 1)
		if err := b.Verb("checkpoint"); err != nil {
			t.Fatal(err)
		}
		cl.Kill("a")
		time.Sleep(time.Minute) // others could read its checkpoint
		_, err := b.List()
		dmtest.WantError(t, err, abi.ErrUnavailable)
		cl.Restart("a")
		b.Want(t, 1)
		where(t, cl, "a")
	}, "KeepInPlace", "ExplicitCheckpoint")
}

func TestKeepInCloud(t *testing.T) {
	run(t, mixed, func(t *testing.T, cl *dmtest.Cluster) {
		cl.SharedStore = true
		where(t, cl, "a") // not the phone, which is first
		phone := cl.Client("phone")
		dmtest.WantError(t, phone.Verb(mobility.Migrate, "phone"), abi.ErrPlacement, `"phone"`, "a, c")
		dmtest.WantError(t, phone.Verb(mobility.Migrate, "b"), abi.ErrPlacement)
		dmtest.WantError(t, cl.Move("b"), abi.ErrPlacement)
		phone.Add(t, 1)
		if err := phone.Verb("checkpoint"); err != nil {
			t.Fatal(err)
		}
		cl.Kill("a")
		time.Sleep(time.Minute)
		where(t, cl, "c")
		phone.Want(t, 1)
	}, "KeepInCloud(region=east)", "ExplicitCheckpoint", "ExplicitMigration")
}

func TestNoNodeAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := dmtest.Deploy(t, dmtest.NewList, dmtest.Parse(t, "KeepInCloud(region=mars)"), mixed...)
		dmtest.WantError(t, err, abi.ErrPlacement, "KeepInCloud(region=mars)")
	})
}

func TestMigrate(t *testing.T) {
	run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		if err := b.Verb(mobility.Migrate, "c"); err != nil {
			t.Error(err)
		}
		where(t, cl, "c")
		if err := b.Verb(mobility.Migrate, "c"); err != nil || cl.Moves() != 1 {
			t.Errorf("to where it is: %v, %d moves", err, cl.Moves())
		}
		b.Want(t, 1)
		dmtest.WantError(t, b.Verb(mobility.Migrate, "nowhere"), abi.ErrPlacement, `no node "nowhere"`, "a, b, c, d")
		dmtest.WantError(t, b.Verb(mobility.Migrate), abi.ErrBadArgument, "takes 1 arguments, not 0")
		dmtest.WantError(t, b.Verb(mobility.Migrate, 3), abi.ErrBadArgument, "argument 1")
		dmtest.WantError(t, b.Verb("fly"), abi.ErrVerb, `"fly"`, "understands migrate")
	}, "ExplicitMigration")
}

// Calls go on while it moves; none is lost or run twice.
func TestMoveDuringCalls(t *testing.T) {
	run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		var calls sync.WaitGroup
		for i := range 40 {
			calls.Go(func() {
				if err := cl.Client("a").Do(t.Context(), nil, "append", i, 10); err != nil {
					t.Error(err)
				}
			})
		}
		for _, to := range []string{"b", "c", "a"} {
			time.Sleep(50 * time.Millisecond)
			if err := cl.Client("d").Verb(mobility.Migrate, to); err != nil {
				t.Error(err)
			}
		}
		calls.Wait()
		got, err := cl.Client("b").List()
		slices.Sort(got)
		if err != nil || len(got) != 40 || len(slices.Compact(got)) != 40 {
			t.Errorf("%v, %v", got, err)
		}
	}, "ExplicitMigration")
}

// A move to a node that fails meanwhile leaves the microservice where it was.
func TestMoveFails(t *testing.T) {
	run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		cl.Delay("a", "c", 2*time.Second)
		time.AfterFunc(time.Second, func() { cl.Kill("c") })
		dmtest.WantError(t, b.Verb(mobility.Migrate, "c"), abi.ErrUnavailable)
		where(t, cl, "a")
		b.Want(t, 1)
	}, "ExplicitMigration")
}

func TestMutants(t *testing.T) {
	dmtest.Caught(t, dmtest.Promises{Stays: true, DMs: dms.Chain{anywhere{}}})
	dmtest.Caught(t, dmtest.Promises{
		Nodes: mixed, DMs: dms.Chain{new(mobility.KeepInCloud)}, // any region
		Only: func(n dms.Node) bool { return n.Labels["region"] == "east" },
	})
}

// anywhere is KeepInPlace that allows all.
type anywhere struct{}

func (anywhere) Coordinator(g dms.Group) { g.Allow(func(dms.Node) bool { return true }) }
