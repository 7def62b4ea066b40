package scalability_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/scalability"
)

// lists fails the test unless the replicas hold these numbers, the primary's first.
func lists(t *testing.T, cl *dmtest.Cluster, want ...[]int) {
	t.Helper()
	if got := cl.Lists(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the replicas hold %v; want %v", got, want)
	}
}

// Writes are at the slaves after the lag, not before, and readonly calls go round all.
func TestMasterSlave(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b", "c")
		d := cl.Client("d")
		time.Sleep(1100 * time.Millisecond)
		d.Add(t, 1, 2)
		lists(t, cl, []int{1, 2}, nil, nil)
		seen := map[int]int{}
		for range 6 {
			l, err := d.List()
			if err != nil {
				t.Fatal(err)
			}
			seen[len(l)]++
		}
		if seen[2] != 2 || seen[0] != 4 {
			t.Errorf("by length, readonly calls saw %v", seen)
		}
		time.Sleep(600 * time.Millisecond)
		lists(t, cl, []int{1, 2}, []int{1, 2}, []int{1, 2})
	}, "LoadBalancedMasterSlave(lag=500ms)")
}

// The slave that has most takes the place of a lost master, and the others follow it.
func TestFurthestSlaveIsPromoted(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		loseMaster(t, cl)
		where(t, cl, "c", "b", "d")
		cl.Client("d").Add(t, 4)
		time.Sleep(time.Second)
		all := []int{1, 2, 3, 4}
		lists(t, cl, all, all, all)
	}, "LoadBalancedMasterSlave")
}

// loseMaster cuts one slave off from the master, a, and then ends that.
func loseMaster(t *testing.T, cl *dmtest.Cluster) {
	d := cl.Client("d")
	d.Add(t, 1)
	time.Sleep(time.Second)
	cl.Cut("a", "b")
	d.Add(t, 2, 3)
	time.Sleep(time.Second)
	lists(t, cl, []int{1, 2, 3}, []int{1}, []int{1, 2, 3})
	cl.Kill("a")
	time.Sleep(time.Second) // else what the master sent last might still reach b
	cl.Heal()
	time.Sleep(20 * time.Second)
}

// A slave that missed writes gets the whole, also if there are no more writes.
func TestSlaveThatWasCutOff(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		d := cl.Client("d")
		cl.Cut("b", "a") // its answers are lost
		d.Add(t, 1, 2, 3)
		time.Sleep(time.Minute)
		cl.Heal()
		time.Sleep(5 * time.Second)
		all := []int{1, 2, 3}
		lists(t, cl, all, all, all)
	}, "LoadBalancedMasterSlave")
}

// Where there are fewer nodes there are fewer slaves; with none the master is enough.
func TestMasterAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := dmtest.New(t, []string{"LoadBalancedMasterSlave"}, dmtest.Nodes()[:1]...)
		a := cl.Client("a")
		a.Add(t, 1)
		a.Want(t, 1)
		cl.Kill("a")
		time.Sleep(time.Minute)
		cl.Restart("a")
		_, err := cl.Client("a").List()
		dmtest.WantError(t, err, abi.ErrUnavailable)
	})
}

var masterSlave = dmtest.Promises{Reads: dmtest.Eventual, Same: true, Recovers: true, Loses: 3, Lag: time.Second}

func TestMasterSlaveMutants(t *testing.T) {
	for name, m := range map[string]dmtest.Mutant{
		"it passes on nothing":            {Callee: func(c dms.Callee) dms.Callee { return &muffled{Callee: c, each: 1} }},
		"it drops a write now and then":   {Callee: func(c dms.Callee) dms.Callee { return &muffled{Callee: c, each: 3} }},
		"a slave runs writes it has done": {Callee: func(c dms.Callee) dms.Callee { return eager{c} }},
	} {
		t.Run(name, func(t *testing.T) {
			p := masterSlave
			m.DM = &scalability.LoadBalancedMasterSlave{Replicas: 3, Lag: 100 * time.Millisecond}
			p.DMs = dms.Chain{m}
			dmtest.Caught(t, p)
		})
	}
}

// muffled carries out all but some of what its master passes on, and says it did.
type muffled struct {
	dms.Callee
	each, n int
}

func (m *muffled) Replay(ctx context.Context, call dms.Call, record []byte) ([]byte, error) {
	if m.n++; m.n%m.each == 0 {
		return nil, nil
	}
	return m.Callee.Replay(ctx, call, record)
}

// eager carries out twice what its master passes on.
type eager struct{ dms.Callee }

func (e eager) Replay(ctx context.Context, call dms.Call, record []byte) ([]byte, error) {
	_, _ = e.Callee.Replay(ctx, call, record)
	return e.Callee.Replay(ctx, call, record)
}

// A coordinator that promotes whichever slave is seen.
func TestWrongPromotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{dmtest.Mutant{
			DM:    &scalability.LoadBalancedMasterSlave{Replicas: 3, Lag: 100 * time.Millisecond},
			Group: func(g dms.Group) dms.Group { return wrong{g} },
		}}, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		loseMaster(t, cl)
		if got := cl.Where()[0]; got == "c" {
			t.Error("the test of the promotion does not see that the wrong slave was promoted")
		}
	})
}

// wrong promotes the next replica, whoever is meant.
type wrong struct{ dms.Group }

func (w wrong) Promote(ctx context.Context, r dms.Replica) error {
	return w.Group.Promote(ctx, w.Replicas()[1])
}
