package mobility_test

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
	"amino.run/dms/mobility"
)

// devicesAreSlow makes methods take longer on devices, and notes where they ran.
type devicesAreSlow struct {
	by map[string]time.Duration // method
	mu sync.Mutex
	at []string
}

func (d *devicesAreSlow) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Method != "" {
			d.mu.Lock()
			d.at = append(d.at, c.Here().ID)
			d.mu.Unlock()
			if c.Here().Labels["tier"] == dms.Device {
				time.Sleep(d.by[call.Method])
			}
		}
		return next(ctx, call)
	}
}

// took returns where the last calls ran, and forgets them.
func (d *devicesAreSlow) took() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.at
	d.at = nil
	return at
}

// offloading runs f with a microservice on a slow phone that is 10 ms from the cloud
// node a. "list" takes no time anywhere.
func offloading(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster, slow *devicesAreSlow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		slow := &devicesAreSlow{by: map[string]time.Duration{"append": 200 * time.Millisecond}}
		cl, err := dmtest.Deploy(t, dmtest.NewList, dms.Chain{slow, &mobility.CodeOffloading{Probe: 20}}, mixed[:2]...)
		if err != nil {
			t.Fatal(err)
		}
		cl.Delay("phone", "a", 5*time.Millisecond)
		where(t, cl, "phone", "a")
		f(t, cl, slow)
	})
}

// share returns the part of some appends that ran at a node, and how long they took.
func share(t *testing.T, cl *dmtest.Cluster, slow *devicesAreSlow, calls int, node string) (part float64, each time.Duration) {
	t.Helper()
	slow.took()
	start := time.Now()
	for i := range calls {
		cl.Client("phone").Add(t, i)
	}
	at := slices.DeleteFunc(slow.took(), func(id string) bool { return id != node })
	return float64(len(at)) / float64(calls), time.Since(start) / time.Duration(calls)
}

// A slow method runs in the cloud, a fast one here; when the link gets slow the slow one
// comes back, and when it is fast again it goes.
func TestCodeOffloading(t *testing.T) {
	offloading(t, func(t *testing.T, cl *dmtest.Cluster, slow *devicesAreSlow) {
		share(t, cl, slow, 3, "a")
		if part, each := share(t, cl, slow, 200, "a"); part < 0.9 || each > 40*time.Millisecond {
			t.Errorf("on a fast link %.2f ran in the cloud, in %v each", part, each)
		}
		slow.took()
		for range 50 {
			if _, err := cl.Client("phone").List(); err != nil {
				t.Fatal(err)
			}
		}
		if at := slow.took(); slices.Contains(at[2:], "a") {
			t.Errorf("a method that takes no time ran on %v", at)
		}
		cl.Delay("phone", "a", 300*time.Millisecond)
		share(t, cl, slow, 10, "a")
		if part, each := share(t, cl, slow, 200, "phone"); part < 0.9 || each > 250*time.Millisecond {
			t.Errorf("on a slow link %.2f ran on the phone, in %v each", part, each)
		}
		cl.Delay("phone", "a", 5*time.Millisecond)
		share(t, cl, slow, 200, "a")
		if part, each := share(t, cl, slow, 200, "a"); part < 0.9 || each > 40*time.Millisecond {
			t.Errorf("on a fast link again %.2f ran in the cloud, in %v each", part, each)
		}
	})
}

// When the link is gone, one call waits a little and runs here, and the next do not wait;
// no answered write is lost and none runs twice. When it is back, so is the helper.
func TestCodeOffloadingFallsBack(t *testing.T) {
	offloading(t, func(t *testing.T, cl *dmtest.Cluster, slow *devicesAreSlow) {
		var want []int
		add := func(n int) time.Duration {
			start := time.Now()
			cl.Client("phone").Add(t, n)
			want = append(want, n)
			return time.Since(start)
		}
		for i := range 10 {
			add(i)
		}
		cl.Delay("phone", "a", time.Minute) // silence, without an error
		if d := add(10); d > time.Second {
			t.Errorf("the first call without a link took %v", d)
		}
		for i := 11; i < 20; i++ {
			if d := add(i); d > 200*time.Millisecond {
				t.Errorf("a later one took %v", d)
			}
		}
		cl.Client("phone").Want(t, want...)
		cl.Delay("phone", "a", 5*time.Millisecond)
		time.Sleep(time.Minute) // what was sent before arrives late
		for i := 20; i < 30; i++ {
			add(i)
		}
		cl.Client("phone").Want(t, want...)
		if part, _ := share(t, cl, slow, 20, "a"); part < 0.8 {
			t.Errorf("the link is back, and %.2f ran in the cloud", part)
		}
	})
}

// A lost helper is replaced; without any all runs here. The helper does not stand in
// for the microservice.
func TestCodeOffloadingLosesItsHelper(t *testing.T) {
	offloading(t, func(t *testing.T, cl *dmtest.Cluster, slow *devicesAreSlow) {
		cl.Client("phone").Add(t, 1, 2, 3)
		cl.Kill("a")
		cl.Client("phone").Add(t, 4)
		time.Sleep(time.Minute)
		where(t, cl, "phone")
		cl.Client("phone").Add(t, 5)
		cl.Restart("a")
		time.Sleep(10 * time.Second)
		where(t, cl, "phone", "a")
		cl.Client("a").Add(t, 6)
		cl.Client("a").Want(t, 1, 2, 3, 4, 5, 6)
		cl.Kill("phone")
		time.Sleep(time.Minute)
		_, err := cl.Client("a").List()
		dmtest.WantError(t, err, abi.ErrUnavailable)
	})
}

// promised is what it promises where most calls run at the helper.
func promised(dm dms.DM) dmtest.Promises {
	slow := &devicesAreSlow{by: map[string]time.Duration{}}
	for _, m := range []string{"append", "fail", "trap", "list"} {
		slow.by[m] = 60 * time.Millisecond
	}
	return dmtest.Promises{Nodes: mixed, Helpers: true, DMs: dms.Chain{slow, dm}}
}

func TestCodeOffloadingSuite(t *testing.T) {
	p := promised(&mobility.CodeOffloading{Probe: 20})
	dmtest.Suite(t, p)
	for seed := range 4 {
		for _, bad := range p.Try(t, lateErrands, seed) {
			t.Errorf("late errands, seed %d: %s", seed, bad)
		}
	}
}

// A checkpoint after it sees the microservice's own state, also of calls that ran at the
// helper.
func TestCodeOffloadingWithCheckpoints(t *testing.T) {
	p := promised(&mobility.CodeOffloading{Probe: 20})
	p.DMs = append(p.DMs, dmtest.Parse(t, "PeriodicCheckpoint(every=3)")...)
	p.Recovers, p.Undoes, p.Loses = true, true, 3
	dmtest.Suite(t, p)
}

// lateErrands has errands arrive when the helper has long been working again.
var lateErrands = dmtest.Scenario{Name: "late errands", Happens: func(r *dmtest.Run) {
	at := r.Where()
	for range 3 {
		r.Delay(at[0], at[1], 16*time.Second)
		time.Sleep(time.Second)
		r.Delay(at[0], at[1], time.Millisecond)
		time.Sleep(12 * time.Second)
	}
}}

func TestCodeOffloadingMutants(t *testing.T) {
	for name, f := range map[string]func(c dms.Callee) dms.Callee{
		"it drops what the helper wrote":              func(c dms.Callee) dms.Callee { return dropping{c} },
		"it takes the helper's state for up to date":  func(c dms.Callee) dms.Callee { return unversioned{c} },
		"the helper takes an errand for one in order": func(c dms.Callee) dms.Callee { return unordered{c} },
	} {
		t.Run(name, func(t *testing.T) {
			dmtest.Caught(t, promised(dmtest.Mutant{DM: &mobility.CodeOffloading{Probe: 20}, Callee: f}), append(dmtest.Scenarios(), lateErrands)...)
		})
	}
}

type dropping struct{ dms.Callee }

func (d dropping) Restore(ctx context.Context, s dms.Snapshot) error {
	if d.Replicas()[0].Peer == d.Self().Peer {
		return nil
	}
	return d.Callee.Restore(ctx, s)
}

type unversioned struct{ dms.Callee }

func (unversioned) Version() uint64 { return 1 }

type unordered struct{ dms.Callee }

func (u unordered) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	var n uint64
	u.Callee.Receive(kind, func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error) {
		var e struct {
			Number, After uint64
			State         *dms.Snapshot
			Call          dms.Call
		}
		if err := abi.Decode(body, &e); err != nil {
			return nil, err
		}
		e.After = n
		n++
		e.Number = n
		body, err := abi.Encode(e)
		if err != nil {
			return nil, err
		}
		return f(ctx, from, body)
	})
}
