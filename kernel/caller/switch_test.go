package caller

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A tally counts calls at the caller; it gives back what it has counted.
type tally struct{}

var tallied, drained atomic.Int64

func init() { dms.Register("TestTally", func() dms.DM { return new(tally) }) }

func (*tally) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	c.OnDrain(func(context.Context) error { drained.Add(1); return nil })
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		tallied.Add(1)
		return next(ctx, call)
	}
}

// chain gives the group in w another chain, with a replica of its own.
func (w *world) chain(specs ...string) api.Group {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.group.Spec.DMs = specs
	w.group.Generation++
	w.group.Revision += 2
	w.group.Replicas = []api.Replica{{Peer: "m1/" + string(rune('0'+w.group.Generation)), Node: w.group.Replicas[0].Node, Epoch: 1}}
	return w.group
}

func holdRequest(id uint64, generation uint64) api.HoldRequest {
	return api.HoldRequest{Group: "m1", Switch: id, Generation: generation, For: time.Second}
}

// newWorld has one replica that answers which peer a call reached, unless it is not of
// the group any more.
func newWorld() (w *world, reached *[]string) {
	w, reached = &world{}, new([]string)
	w.place("k1", 1)
	w.answer = func(to api.Replica, call dms.Call) ([]byte, error) {
		if to.Peer != w.group.Replicas[0].Peer {
			return nil, abi.ErrMoved
		}
		*reached = append(*reached, to.Peer)
		return nil, nil
	}
	return w, reached
}

// Calls that come while the callers are held wait, and go on by the new chain with the
// ID they have.
func TestCallsWaitForTheNewChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, reached := newWorld()
		c := w.caller(t)
		if err := get(t, c); err != nil {
			t.Fatal(err)
		}
		if quiet, err := c.Hold(t.Context(), holdRequest(7, 0)); !quiet || err != nil {
			t.Fatalf("quiet %v, %v", quiet, err)
		}
		errs := make(chan error, 1)
		go func() { errs <- get(t, c) }()
		synctest.Wait()
		if len(*reached) != 1 {
			t.Fatal("a call passed while the callers were held")
		}
		before := tallied.Load()
		g := w.chain("TestTally")
		c.Changed(g) // this alone lets no one in
		synctest.Wait()
		if len(*reached) != 1 || !c.Held("m1", 7) {
			t.Fatal("a call passed before the release")
		}
		c.Release("m1", 7, g)
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if !slices.Equal(*reached, []string{"m1/0", "m1/1"}) || tallied.Load() != before+1 {
			t.Errorf("reached %v, %d through the new proxy", *reached, tallied.Load()-before)
		}
		if w.lookups != 1 {
			t.Errorf("%d lookups, want the first one only", w.lookups)
		}
	})
}

// A switch that is given up leaves the proxies as they are.
func TestGivenUpSwitchKeepsTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, reached := newWorld()
		g := w.chain("TestTally")
		c := w.caller(t)
		if err := get(t, c); err != nil {
			t.Fatal(err)
		}
		r, before := c.routes["m1"], drained.Load()
		if quiet, err := c.Hold(t.Context(), holdRequest(7, 1)); !quiet || err != nil || drained.Load() != before+1 {
			t.Errorf("quiet %v, %v, drained %d times", quiet, err, drained.Load()-before)
		}
		c.Release("m1", 7, g)
		if err := get(t, c); err != nil || c.routes["m1"] != r || len(*reached) != 2 {
			t.Errorf("%v; reached %v; the route is another: %v", err, *reached, c.routes["m1"] != r)
		}
	})
}

// A kernel that missed the switch finds out below the proxies, and its call goes the new
// way.
func TestOldChainIsTurnedAway(t *testing.T) {
	w, reached := newWorld()
	c := w.caller(t)
	if err := get(t, c); err != nil {
		t.Fatal(err)
	}
	w.chain()
	for range 2 {
		if err := get(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(*reached, []string{"m1/0", "m1/1", "m1/1"}) {
		t.Errorf("reached %v", *reached)
	}
	if c.routes["m1"] != c.routes["counter"] || c.routes["m1"].group.Load().Generation != 1 {
		t.Error("the name and the ID lead to different routes")
	}
}

// What is first called while its callers are held waits too; a hold of an older chain
// is refused.
func TestHoldBeforeTheFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, reached := newWorld()
		c := w.caller(t)
		for _, id := range []uint64{7, 8} {
			if quiet, err := c.Hold(t.Context(), holdRequest(id, 0)); !quiet || err != nil {
				t.Fatalf("quiet %v, %v", quiet, err)
			}
		}
		errs := make(chan error, 1)
		go func() { errs <- get(t, c) }()
		synctest.Wait()
		g := w.chain()
		c.Release("m1", 7, g)
		synctest.Wait()
		if len(*reached) != 0 {
			t.Error("a call passed, though another switch holds the callers")
		}
		c.Release("m1", 8, g)
		if err := <-errs; err != nil || len(*reached) != 1 {
			t.Errorf("%v; reached %v", err, *reached)
		}
		if _, err := c.Hold(t.Context(), holdRequest(9, 0)); abi.CodeOf(err) != abi.Conflict {
			t.Errorf("a hold of an older chain: %v", err)
		}
		c.Release("m1", 9, api.Group{}) // the OMS says that it is deleted
		if c.Held("m1", 9) {
			t.Error("it is held for ever")
		}
	})
}

// A call inside is waited for; a nested one, which may be what it waits for, passes in
// the next round.
func TestHoldWaitsForCallsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newWorld()
		slow, nested := make(chan struct{}), make(chan struct{})
		answer := w.answer
		w.answer = func(to api.Replica, call dms.Call) ([]byte, error) {
			if len(call.Path) > 0 {
				close(nested)
			} else {
				w.mu.Unlock()
				<-slow
				w.mu.Lock()
			}
			return answer(to, call)
		}
		c := w.caller(t)
		go get(t, c)
		synctest.Wait()
		if quiet, err := c.Hold(t.Context(), holdRequest(7, 0)); quiet || err != nil {
			t.Errorf("quiet %v, %v, with a call inside", quiet, err)
		}
		go c.Call(t.Context(), "counter", dms.Call{Method: "get", Args: []byte{0x80}, Path: []string{"m9"}, Root: 5})
		synctest.Wait()
		go func() { <-nested; close(slow) }() // the one inside waits for the nested one
		if quiet, err := c.Hold(t.Context(), holdRequest(7, 0)); !quiet || err != nil {
			t.Errorf("quiet %v, %v, in the second round", quiet, err)
		}
		c.Release("m1", 7, w.group)
	})
}

// Proxies of another chain get no messages; a chain that cannot be built is not used.
func TestMessagesAndFaultsOfAnotherChain(t *testing.T) {
	w, _ := newWorld()
	c := w.caller(t)
	if err := get(t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Deliver(t.Context(), api.AskRequest{Group: "m1", Generation: 1}); abi.CodeOf(err) != abi.NotFound {
		t.Errorf("a message of another chain: %v", err)
	}
	c.Changed(w.chain("Nonsense"))
	if err := get(t, c); err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("a chain that is not known here: %v", err)
	}
	c.Changed(w.chain())
	if err := get(t, c); err != nil {
		t.Error(err)
	}
	c.Reset()
	if len(c.routes) != 0 {
		t.Error("proxies are left")
	}
	if err := get(t, c); err != nil {
		t.Error(err)
	}
}
