package mobility_test

import (
	"context"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/mobility"
)

// offload takes it to the nearest cloud node, onload back to where it came from.
func TestExplicitCodeOffloading(t *testing.T) {
	run(t, mixed, func(t *testing.T, cl *dmtest.Cluster) {
		verb := func(v dms.Verb, at string) {
			t.Helper()
			if err := cl.Client("phone").Verb(v); err != nil {
				t.Errorf("%s: %v", v, err)
			}
			where(t, cl, at)
			cl.Client("phone").Want(t, 1)
		}
		for id, d := range map[string]time.Duration{"a": 50 * time.Millisecond, "b": 20 * time.Millisecond, "c": 80 * time.Millisecond} {
			cl.Delay("phone", id, d)
		}
		cl.Client("phone").Add(t, 1)
		verb(mobility.Onload, "phone")
		verb(mobility.Offload, "b")
		verb(mobility.Offload, "b")
		cl.RestartOMS() // it remembers where it came from
		verb(mobility.Onload, "phone")
		verb(mobility.Onload, "phone")
		cl.Cut("phone", "b")
		verb(mobility.Offload, "a")
		if n := cl.Moves(); n != 3 {
			t.Errorf("%d moves, want 3", n)
		}
		dmtest.WantError(t, cl.Client("phone").Verb(mobility.Offload, "a"), abi.ErrBadArgument, "takes 0 arguments")
	}, "ExplicitCodeOffloading")
}

// Where there is nowhere to go, it stays and says so.
func TestNowhereToOffload(t *testing.T) {
	run(t, mixed[:2], func(t *testing.T, cl *dmtest.Cluster) {
		phone := cl.Client("phone")
		phone.Add(t, 1)
		cl.Kill("a")
		dmtest.WantError(t, phone.Verb(mobility.Offload), abi.ErrPlacement, "tier=cloud", "there are phone")
		cl.Restart("a")
		if err := phone.Verb(mobility.Offload); err != nil {
			t.Fatal(err)
		}
		cl.Kill("phone")
		dmtest.WantError(t, cl.Client("a").Verb(mobility.Onload), abi.ErrPlacement, "offloaded from phone", "there are a")
		cl.Client("a").Want(t, 1)
	}, "ExplicitCodeOffloading")
}

// there and back while it is called from everywhere.
var offloads = dmtest.Scenario{Name: "offloads", Calm: true, Happens: func(r *dmtest.Run) {
	for i := range 20 {
		time.Sleep(1500 * time.Millisecond)
		if err := r.Client("phone").Verb([]dms.Verb{mobility.Offload, mobility.Onload}[i%2]); err != nil {
			r.Fail("%v", err)
		}
	}
}}

// No call is lost or run twice on the way; if it moved by copying itself, some would be.
func TestOffloadDuringCalls(t *testing.T) {
	p := dmtest.Promises{Nodes: mixed, DMs: dms.Chain{new(mobility.ExplicitCodeOffloading)}}
	for _, bad := range p.Try(t, offloads, 1) {
		t.Error(bad)
	}
	p.DMs[0] = dmtest.Mutant{DM: p.DMs[0], Group: func(g dms.Group) dms.Group { return copying{g} }}
	dmtest.Caught(t, p, offloads)
}

// copying moves a replica by making another and ending the one there was.
type copying struct{ dms.Group }

func (c copying) Move(ctx context.Context, r dms.Replica, n dms.Node) error {
	if _, err := c.Replicate(ctx, n); err != nil {
		return err
	}
	return c.Remove(ctx, r)
}
