package scalability_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/scalability"
)

// works keeps some calls of a second each running for a while, and returns how many were
// refused.
func works(t *testing.T, cl *dmtest.Cluster, calls int, d time.Duration) (refused int) {
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	var mu sync.Mutex
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			for ctx.Err() == nil {
				err := cl.Client("d").Do(t.Context(), nil, "work", 100)
				if err == nil {
					continue
				}
				if !errors.Is(err, abi.ErrOverloaded) {
					t.Errorf("not refused: %v", err)
				}
				mu.Lock()
				refused++
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	all.Wait()
	return refused
}

// It grows by one in each interval while it is overloaded, up to max, and shrinks by one
// when it has long been idle, down to min. No call fails for it.
func TestScaleUp(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a")
		var sizes []int
		for range 5 {
			works(t, cl, 12, time.Second)
			sizes = append(sizes, len(cl.Where()))
		}
		if !slices.IsSorted(sizes) || slices.Max(sizes) != 3 || sizes[0] > 2 {
			t.Errorf("overloaded for 5 s it had %v replicas", sizes)
		}
		if refused := works(t, cl, 4, 3*time.Second); refused > 0 {
			t.Errorf("%d of the calls that it has room for were refused", refused)
		}
		works(t, cl, 1, 5*time.Second) // still called when it shrinks
		time.Sleep(20 * time.Second)
		where(t, cl, "a")
	}, "ScaleUpFrontEnd(min=1, max=3, maxConcurrent=2, interval=1s)")
}

// A load that is carried well changes nothing, however long.
func TestSteadyLoad(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		works(t, cl, 6, 10*time.Second)
		before := cl.Where()
		for range 10 {
			works(t, cl, 4, 10*time.Second)
			where(t, cl, before...)
		}
	}, "ScaleUpFrontEnd(min=1, maxConcurrent=2, interval=1s)")
}

// It begins with min, and a lost replica is replaced up to that.
func TestScaleUpMin(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b")
		cl.Kill("b")
		time.Sleep(time.Minute)
		where(t, cl, "a", "c")
	}, "ScaleUpFrontEnd(min=2)")
}

func TestScaleUpIsConfigured(t *testing.T) {
	for spec, says := range map[string]string{
		"ScaleUpFrontEnd(min=3, max=2)":    "write max=3 or more",
		"ScaleUpFrontEnd(min=0)":           "min=0 is not more than zero",
		"ScaleUpFrontEnd(interval=0s)":     "interval",
		"ScaleUpFrontEnd(maxConcurrent=0)": "maxConcurrent",
	} {
		_, err := dms.Parse(spec)
		dmtest.WantError(t, err, abi.ErrRefused, says)
	}
}

func TestScaleUpSuite(t *testing.T) {
	dm := &scalability.ScaleUpFrontEnd{Min: 2, Max: 3, MaxConcurrent: 1, Interval: 2 * time.Second}
	dmtest.Suite(t, dmtest.Promises{Reads: dmtest.Separate, Sheds: true, Recovers: true, Loses: -1, DMs: dms.Chain{dm}})
}

// No call fails when a replica is taken away that is called; if that were done without a
// word, some would.
func TestShrinksQuietly(t *testing.T) {
	dm := &scalability.ScaleUpFrontEnd{Min: 1, Max: 4, MaxConcurrent: 10, Interval: time.Second}
	if n := shrinks(t, dm); n > 0 {
		t.Errorf("%d calls failed", n)
	}
	if shrinks(t, dmtest.Mutant{DM: dm, Group: func(g dms.Group) dms.Group { return rude{g} }}) == 0 {
		t.Error("the test does not see that replicas end in the middle of calls")
	}
}

// shrinks overloads a microservice, writes to it while it shrinks and returns how many of
// the writes failed.
func shrinks(t *testing.T, dm dms.DM) (failed int) {
	synctest.Test(t, func(t *testing.T) {
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{dm}, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b", "c"} {
			cl.Delay("d", id, 100*time.Millisecond)
		}
		works(t, cl, 100, 15*time.Second)
		where(t, cl, "a", "b", "c", "d")
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := range 150 {
					if err := cl.Client("d").Do(t.Context(), nil, "append", 1000*i+n, 50); err != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		where(t, cl, "a")
	})
	return failed
}

// rude does not ask a replica whether it may go.
type rude struct{ dms.Group }

func (r rude) Send(context.Context, dms.Peer, string, []byte) ([]byte, error) {
	return abi.Encode(dms.None{})
}
