package scalability_test

import (
	"context"
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

// What is answered is at the slave, and survives the master; the slave's place is taken
// by another.
func TestMasterSlaveSync(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b")
		time.Sleep(2 * time.Second)
		d := cl.Client("d")
		d.Add(t, 1, 2)
		lists(t, cl, []int{1, 2}, []int{1, 2})
		cl.Kill("a")
		d.Add(t, 3) // waits until the slave is the master
		where(t, cl, "b", "c")
		d.Want(t, 1, 2, 3)
		lists(t, cl, []int{1, 2, 3}, []int{1, 2, 3})
		time.Sleep(2 * time.Second)
		cl.Kill("b")
		d.Want(t, 1, 2, 3)
	}, "MasterSlaveSync")
}

// A slave that does not answer is left behind before anything is answered without it, and
// cannot take the master's place: better none than one that has forgotten.
func TestSlaveIsLeftBehind(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		time.Sleep(2 * time.Second)
		for _, other := range []string{"b", "c", "d"} {
			cl.Cut("a", other)
		}
		cl.Client("a").Add(t, 1)
		where(t, cl, "a")
		cl.Kill("a")
		time.Sleep(time.Minute)
		if _, err := cl.Client("d").List(); abi.CodeOf(err) != abi.Unavailable {
			t.Errorf("a slave without what was answered took the master's place: %v", err)
		}
	}, "MasterSlaveSync(timeout=5s)")
}

// A call whose answer was lost is sent again and runs once, also at another master.
func TestDuplicatesRunOnce(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		time.Sleep(2 * time.Second)
		d := cl.Client("d")
		cl.LoseAnswers("a", "d", 3)
		d.Add(t, 1)
		d.Want(t, 1)
		cl.LoseAnswers("a", "d", 1)
		time.AfterFunc(time.Millisecond, func() { cl.Kill("a") })
		d.Add(t, 2)
		d.Want(t, 1, 2)
	}, "MasterSlaveSync")
}

// A slave that is the master now does not heed what the old one sent, however late it
// comes, nor a slave what its master sent before.
func TestLateMessagesUndoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := new(late)
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{dmtest.Mutant{
			DM:     &scalability.MasterSlaveSync{Replicas: 2, Patience: 2 * time.Second, Timeout: 20 * time.Second},
			Callee: func(c dms.Callee) dms.Callee { return twice{c, late} },
		}}, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		again := func(want ...[]int) {
			all := late.all()
			if len(all) == 0 {
				t.Error("the master sent nothing")
			}
			for _, f := range all {
				f()
				lists(t, cl, want...)
			}
		}
		time.Sleep(2 * time.Second)
		d := cl.Client("d")
		d.Add(t, 1)
		again([]int{1}, []int{1})
		d.Add(t, 2)
		cl.Kill("a")
		d.Add(t, 3)
		where(t, cl, "b", "c")
		again([]int{1, 2, 3}, []int{1, 2, 3})
		d.Add(t, 4)
		d.Want(t, 1, 2, 3, 4)
	})
}

// late are messages that come once more.
type late struct {
	mu   sync.Mutex
	msgs []func()
}

func (l *late) all() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.msgs)
}

// twice collects what comes to instances.
type twice struct {
	dms.Callee
	late *late
}

func (w twice) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	w.Callee.Receive(kind, func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error) {
		w.late.mu.Lock()
		w.late.msgs = append(w.late.msgs, func() { _, _ = f(context.Background(), from, body) })
		w.late.mu.Unlock()
		return f(ctx, from, body)
	})
}

// A slave is an heir as soon as there is one.
func TestMasterIsLostAtOnce(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		d := cl.Client("d")
		d.Add(t, 1)
		time.Sleep(10 * time.Millisecond)
		cl.Kill("a")
		d.Add(t, 2)
		d.Want(t, 1, 2)
	}, "MasterSlaveSync")
}

// Calls that come while slaves are on the way are answered together.
func TestWritesShareARoundTrip(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		time.Sleep(2 * time.Second)
		cl.Delay("a", "b", 50*time.Millisecond)
		var all sync.WaitGroup
		start := time.Now()
		for i := range 100 {
			all.Go(func() { cl.Client("a").Add(t, i) })
		}
		all.Wait()
		if d := time.Since(start); d > 300*time.Millisecond {
			t.Errorf("100 calls at once took %v with a round trip of 100 ms", d)
		}
	}, "MasterSlaveSync")
}

func TestMasterSlaveSyncMutants(t *testing.T) {
	for name, f := range map[string]func(dms.Callee) dms.Callee{
		"a slave drops a write":                   func(c dms.Callee) dms.Callee { return &muffled{Callee: c, each: 5} },
		"the master does not wait for its slaves": func(c dms.Callee) dms.Callee { return lonely{c} },
		"answers do not travel with a replica":    func(c dms.Callee) dms.Callee { return forgetful{c} },
	} {
		t.Run(name, func(t *testing.T) {
			dm := &scalability.MasterSlaveSync{Replicas: 2, Patience: 2 * time.Second, Timeout: 20 * time.Second}
			dmtest.Caught(t, dmtest.Promises{Same: true, Recovers: true, DMs: dms.Chain{dmtest.Mutant{DM: dm, Callee: f}}},
				append(dmtest.Scenarios(), lossyMoves)...)
		})
	}
}

// lossyMoves loses half of all answers while the master moves, so that calls come again
// to where they did not run.
var lossyMoves = dmtest.Scenario{Name: "moves and many lost answers", Happens: func(r *dmtest.Run) {
	r.Lossy(0.5)
	for i := range 100 {
		time.Sleep(350 * time.Millisecond)
		if err := r.Move(dmtest.Nodes()[2+i%2].ID); err != nil && abi.CodeOf(err) != abi.Unavailable {
			r.Fail("%v", err)
		}
	}
}}

// It holds what it promises there too.
func TestMasterSlaveSyncLossyMoves(t *testing.T) {
	p := dmtest.Promises{Chain: []string{"MasterSlaveSync"}, Same: true, Recovers: true}
	for seed := range 4 {
		for _, bad := range p.Try(t, lossyMoves, seed) {
			t.Errorf("seed %d: %s", seed, bad)
		}
	}
}

// lonely sees no slaves.
type lonely struct{ dms.Callee }

func (l lonely) Replicas() []dms.Replica { return l.Callee.Replicas()[:1] }

// forgetful keeps nothing.
type forgetful struct{ dms.Callee }

func (f forgetful) Keep(string, any) {}
