package mobility_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/mobility"
)

// apart puts the nodes a, b, c and d this far from one another.
func apart(cl *dmtest.Cluster, oneWay time.Duration) {
	ids := []string{"a", "b", "c", "d"}
	for i, x := range ids {
		for _, y := range ids[:i] {
			cl.Delay(x, y, oneWay)
		}
	}
}

// calls makes calls at random moments from each node, this many a second on average,
// for a time.
func calls(t *testing.T, cl *dmtest.Cluster, d time.Duration, perSecond map[string]float64, seed uint64) {
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	var all sync.WaitGroup
	for id, n := range perSecond {
		chance := rand.New(rand.NewPCG(seed, uint64(id[0])))
		all.Go(func() {
			for ctx.Err() == nil {
				time.Sleep(time.Duration(chance.ExpFloat64() / n * float64(time.Second)))
				all.Go(func() {
					if err := cl.Client(id).Do(t.Context(), nil, "list"); err != nil {
						t.Errorf("a call from %s: %v", id, err)
					}
				})
			}
		})
	}
	all.Wait()
}

// Two callers that call equally often do not move it, at whichever it is, however
// chance spreads their calls.
func TestEqualCallersMoveNothing(t *testing.T) {
	for seed := range uint64(10) {
		run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
			apart(cl, 10*time.Millisecond)
			calls(t, cl, 10*time.Minute, map[string]float64{"a": 3, "b": 3}, seed)
			if n := cl.Moves(); n != 0 {
				t.Errorf("seed %d: %d moves", seed, n)
			}
		}, "DynamicMigration")
	}
}

// It goes to a caller that calls most, once, and stays.
func TestFollowsTheDominantCaller(t *testing.T) {
	for seed := range uint64(10) {
		run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
			apart(cl, 10*time.Millisecond)
			calls(t, cl, 25*time.Second, map[string]float64{"b": 4, "c": 1}, seed)
			where(t, cl, "b") // after two windows
			calls(t, cl, 5*time.Minute, map[string]float64{"b": 4, "c": 1}, seed)
			where(t, cl, "b")
			if n := cl.Moves(); n != 1 {
				t.Errorf("seed %d: %d moves, want 1", seed, n)
			}
			calls(t, cl, time.Minute, map[string]float64{"b": 1, "c": 4}, seed)
			where(t, cl, "c")
		}, "DynamicMigration")
	}
}

// Between two callers it goes to a node that is near both.
func TestGoesBetweenItsCallers(t *testing.T) {
	run(t, dmtest.Nodes(), func(t *testing.T, cl *dmtest.Cluster) {
		apart(cl, 40*time.Millisecond)
		cl.Delay("b", "d", 5*time.Millisecond)
		cl.Delay("c", "d", 5*time.Millisecond)
		calls(t, cl, time.Minute, map[string]float64{"b": 3, "c": 3}, 1)
		where(t, cl, "d")
		if n := cl.Moves(); n != 1 {
			t.Errorf("%d moves, want 1", n)
		}
	}, "DynamicMigration")
}

// It moves only where it may, for enough calls, for a real gain, and on what is known.
func TestStaysWithoutRealGain(t *testing.T) {
	for name, c := range map[string]struct {
		chain     []string
		perSecond map[string]float64
		prepare   func(cl *dmtest.Cluster)
	}{
		"a few calls":       {perSecond: map[string]float64{"b": 0.2}},
		"a little more":     {perSecond: map[string]float64{"a": 20, "b": 26}},
		"not allowed":       {perSecond: map[string]float64{"c": 5}, chain: []string{"KeepInCloud(region=east)"}},
		"callers are local": {perSecond: map[string]float64{"a": 5}},
		"unmeasured": {perSecond: map[string]float64{"b": 5}, prepare: func(cl *dmtest.Cluster) {
			for _, id := range []string{"b", "c", "d"} {
				cl.Delay("a", id, dms.Unmeasured)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := dmtest.Nodes()
			nodes[2] = dmtest.Node("c", dms.Cloud, "west")
			run(t, nodes, func(t *testing.T, cl *dmtest.Cluster) {
				apart(cl, 10*time.Millisecond)
				if c.prepare != nil {
					c.prepare(cl)
				}
				calls(t, cl, 3*time.Minute, c.perSecond, 1)
				if n := cl.Moves(); n != 0 {
					t.Errorf("%d moves, to %v", n, cl.Where())
				}
			}, append(c.chain, "DynamicMigration")...)
		})
	}
}

func TestDynamicMigrationIsConfigured(t *testing.T) {
	_, err := dms.Parse("DynamicMigration(gain=0.5)")
	dmtest.WantError(t, err, abi.ErrRefused, "gain=0.5 is less than 1")
	_, err = dms.Parse("DynamicMigration(window=0s)")
	dmtest.WantError(t, err, abi.ErrRefused, "not more than zero")
}

// One that goes each time to whoever called most is seen to oscillate.
func TestDynamicMigrationMutant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := dms.Chain{eager{&mobility.DynamicMigration{Window: 10 * time.Second, Gain: 1}}}
		cl, err := dmtest.Deploy(t, dmtest.NewList, chain, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		apart(cl, 10*time.Millisecond)
		calls(t, cl, 10*time.Minute, map[string]float64{"a": 3, "b": 3}, 1)
		if cl.Moves() < 10 {
			t.Errorf("only %d moves: the test of equal callers shows nothing", cl.Moves())
		}
	})
}

// eager believes what it has measured beyond all measure: a small gain looks large.
type eager struct{ *mobility.DynamicMigration }

func (e eager) Coordinator(g dms.Group) { e.DynamicMigration.Coordinator(trusting{g}) }

// trusting hears each tally twice, a thousand times as loud.
type trusting struct{ dms.Group }

func (g trusting) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	g.Group.Receive(kind, func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error) {
		var t struct{ Calls map[string]int }
		if err := abi.Decode(body, &t); err != nil {
			return nil, err
		}
		for id := range t.Calls {
			t.Calls[id] *= 1000
		}
		loud, err := abi.Encode(t)
		if err != nil {
			return nil, err
		}
		if _, err := f(ctx, from, loud); err != nil {
			return nil, err
		}
		return f(ctx, from, loud)
	})
}
