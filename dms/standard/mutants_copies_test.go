package standard_test

import (
	"context"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
)

// What breaks the DMs that run calls on copies, and those of transactions.

// unstopped has no copy stopped before a write.
func unstopped(c dms.Callee) dms.Callee { return neverStops{c} }

type neverStops struct{ dms.Callee }

func (c neverStops) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	if strings.HasSuffix(kind, ".stop") {
		return abi.Encode(dms.None{})
	}
	return c.Callee.Send(ctx, to, kind, body)
}

// fetchedOnce keeps the first state that it fetches.
func fetchedOnce(c dms.Caller) dms.Caller { return &firstFetch{Caller: c} }

type firstFetch struct {
	dms.Caller
	s *dms.Snapshot
}

func (c *firstFetch) Fetch(ctx context.Context) (dms.Snapshot, error) {
	if c.s != nil {
		return *c.s, nil
	}
	s, err := c.Caller.Fetch(ctx)
	if err == nil {
		c.s = &s
	}
	return s, err
}

// unversioned hides that the state changes.
func unversioned(c dms.Callee) dms.Callee { return oneVersion{c} }

type oneVersion struct{ dms.Callee }

func (oneVersion) Version() uint64 { return 1 }

// behind shows the state that was there when it was last looked at.
func behind(c dms.Callee) dms.Callee { return &lastLook{Callee: c} }

type lastLook struct {
	dms.Callee
	last *dms.Snapshot
}

func (c *lastLook) Snapshot(ctx context.Context) (dms.Snapshot, error) {
	s, err := c.Callee.Snapshot(ctx)
	if err != nil {
		return s, err
	}
	old := s
	if c.last != nil {
		old = *c.last
	}
	c.last = &s
	return old, nil
}

// unsaved has nothing on disk.
func unsaved(c dms.Callee) dms.Callee { return neverSaves{c} }

type neverSaves struct{ dms.Callee }

func (neverSaves) Save(context.Context, dms.Snapshot) error { return nil }

// irreversible does not go back.
func irreversible(c dms.Callee) dms.Callee { return neverRestores{c} }

type neverRestores struct{ dms.Callee }

func (neverRestores) Restore(context.Context, dms.Snapshot) error { return nil }

var (
	transacting = dmtest.Promises{Load: transactions, Twice: true}
	committing  = dmtest.Promises{Load: transactions, Twice: true, Recovers: true, Undoes: true}
)
