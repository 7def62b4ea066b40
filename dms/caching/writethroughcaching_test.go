package caching_test

import (
	"context"
	"testing"
	"time"

	"amino.run/dms"
	"amino.run/dms/caching"
	"amino.run/dms/dmtest"
)

func TestReadsAreOldAndTheOwnWritesAreNot(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		b, c := cl.Client("b"), cl.Client("c")
		b.Want(t)
		c.Add(t, 1)
		if d := took(func() { b.Want(t) }); d != 0 { // old, and at once
			t.Errorf("a read took %v", d)
		}
		b.Add(t, 2)
		b.Want(t, 1, 2)
		c.Add(t, 3)
		cl.Kill("a")
		b.Want(t, 1, 2)
		time.Sleep(10 * time.Second)
		if _, err := b.List(); !dms.Retryable(err) {
			t.Errorf("a copy older than its ttl was read, or: %v", err)
		}
	}, "WriteThroughCaching(ttl=10s)")
}

// A write that ends while a read fetches the state is in what the next read sees.
func TestWriteDuringAFetch(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		done := make(chan error, 1)
		go func() { done <- b.Do(t.Context(), nil, "append", 1, 100) }()
		cl.Delay("a", "b", 40*time.Millisecond)
		if _, err := b.List(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.Want(t, 1)
	}, "WriteThroughCaching(ttl=60s)")
}

func TestWriteThroughCachingMutants(t *testing.T) {
	p := dmtest.Promises{Reads: dmtest.Session, DMs: dms.Chain{dmtest.Mutant{
		DM:     &caching.WriteThroughCaching{TTL: 2 * time.Second},
		Caller: func(c dms.Caller) dms.Caller { return &sticky{Caller: c} },
	}}}
	t.Run("the copy is never fresh", func(t *testing.T) { dmtest.Caught(t, p) })
}

// sticky fetches once.
type sticky struct {
	dms.Caller
	s *dms.Snapshot
}

func (x *sticky) Fetch(ctx context.Context) (dms.Snapshot, error) {
	if x.s != nil {
		return *x.s, nil
	}
	s, err := x.Caller.Fetch(ctx)
	if err == nil {
		x.s = &s
	}
	return s, err
}
