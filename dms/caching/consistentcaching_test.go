package caching_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/caching"
	"amino.run/dms/dmtest"
)

func TestReadsAreLocal(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		b := cl.Client("b")
		for want := 2 * time.Second; want >= 0; want -= 2 * time.Second {
			if d := took(func() { b.Want(t) }); d != want {
				t.Errorf("a read took %v, want %v", d, want)
			}
		}
		cl.Client("c").Add(t, 1)
		if d := took(func() { b.Want(t, 1) }); d != 0 {
			t.Errorf("the read after another's write took %v", d)
		}
	}, "ConsistentCaching(ttl=60s)")
}

// A caller that is lost delays a write until its copy has expired, and no longer; one
// that has not read for a ttl does not delay it.
func TestLostCallerDelaysAWrite(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b, c := cl.Client("b"), cl.Client("c")
		b.Want(t)
		cl.Cut("a", "b")
		cl.Cut("b", "a")
		time.Sleep(4 * time.Second)
		b.Want(t) // it cannot know
		if d := took(func() { c.Add(t, 1) }); d != 6*time.Second {
			t.Errorf("the write took %v", d)
		}
		if _, err := b.List(); err == nil {
			t.Error("it read an expired copy")
		}
		if d := took(func() { c.Add(t, 2) }); d != 0 {
			t.Errorf("the next write took %v", d)
		}
		cl.Heal()
		b.Want(t, 1, 2)
	}, "ConsistentCaching(ttl=10s)")
}

// A replica that recovers does not know who has copies, and waits.
func TestRecoveredReplicaWaitsForCopies(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		b.Want(t, 1)
		cl.Kill("a")
		time.Sleep(time.Second)
		cl.Restart("a")
		if d := took(func() { cl.Client("c").Want(t) }); d != 10*time.Second {
			t.Errorf("the first call after it took %v", d)
		}
		b.Want(t)
	}, "ExplicitCheckpoint", "ConsistentCaching(ttl=10s)")
}

func TestConsistentCachingMutants(t *testing.T) {
	short, long := &caching.ConsistentCaching{TTL: 2 * time.Second}, &caching.ConsistentCaching{TTL: 6 * time.Second}
	plain := dmtest.Promises{}
	recovers := dmtest.Promises{Recovers: true, Loses: -1, Lag: 2 * time.Second, Verb: "checkpoint"}
	checkpoint, err := dms.New("ExplicitCheckpoint")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]struct {
		dmtest.Promises
		chain dms.Chain
	}{
		"copies are not stopped":         {plain, dms.Chain{dmtest.Mutant{DM: short, Callee: func(c dms.Callee) dms.Callee { return deaf{c} }}}},
		"a copy lives longer":            {plain, dms.Chain{apart{long, short}}},
		"a write is not shown to copies": {plain, dms.Chain{dmtest.Mutant{DM: short, Callee: func(c dms.Callee) dms.Callee { return &firstState{Callee: c} }}}},
		"a recovered replica hurries":    {recovers, dms.Chain{checkpoint, apart{long, short}}},
	} {
		t.Run(name, func(t *testing.T) {
			m.DMs = m.chain
			dmtest.Caught(t, m.Promises)
		})
	}
}

// deaf has no copy stopped.
type deaf struct{ dms.Callee }

func (d deaf) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	if strings.HasSuffix(kind, ".stop") {
		return abi.Encode(dms.None{})
	}
	return d.Callee.Send(ctx, to, kind, body)
}

// apart is a DM whose proxies and instances are configured differently.
type apart struct{ at, in dms.DM }

func (x apart) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return x.at.(dms.Proxier).Proxy(c, next)
}

func (x apart) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return x.in.(dms.Instancer).Instance(c, next)
}

func (x apart) Concerns() dms.Concerns { return x.in.(dms.Concerned).Concerns() }

// firstState shows the state as it was when it was first looked at.
type firstState struct {
	dms.Callee
	s *dms.Snapshot
}

func (f *firstState) Snapshot(ctx context.Context) (dms.Snapshot, error) {
	s, err := f.Callee.Snapshot(ctx)
	if f.s == nil {
		f.s = &s
	}
	return dms.Snapshot{Version: s.Version, Image: f.s.Image}, err
}

// unmoved restores nothing.
type unmoved struct{ dms.Callee }

func (unmoved) Restore(context.Context, dms.Snapshot) error { return nil }
