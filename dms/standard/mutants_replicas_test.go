package standard_test

import (
	"context"

	"amino.run/dms"
)

// lax takes no heed of where a DM allows a replica to be.
func lax(g dms.Group) dms.Group { return laxer{g} }

type laxer struct{ dms.Group }

func (laxer) Allow(func(dms.Node) bool) {}

// copying moves a replica by making another and ending the one there was.
func copying(g dms.Group) dms.Group { return copier{g} }

type copier struct{ dms.Group }

func (c copier) Move(ctx context.Context, r dms.Replica, n dms.Node) error {
	if _, err := c.Replicate(ctx, n); err != nil {
		return err
	}
	return c.Remove(ctx, r)
}

// helpless does not take over what another replica wrote for it.
func helpless(c dms.Callee) dms.Callee { return helper{c} }

type helper struct{ dms.Callee }

func (h helper) Restore(ctx context.Context, s dms.Snapshot) error {
	if h.Replicas()[0].Peer == h.Self().Peer {
		return nil
	}
	return h.Callee.Restore(ctx, s)
}

// unreplayed carries out all but some of what its master passes on, and says it did.
func unreplayed(c dms.Callee) dms.Callee { return &unreplayer{Callee: c} }

type unreplayer struct {
	dms.Callee
	n int
}

func (u *unreplayer) Replay(ctx context.Context, call dms.Call, record []byte) ([]byte, error) {
	if u.n++; u.n%5 == 0 {
		return nil, nil
	}
	return u.Callee.Replay(ctx, call, record)
}

// lonely sees no slaves.
func lonely(c dms.Callee) dms.Callee { return loner{c} }

type loner struct{ dms.Callee }

func (l loner) Replicas() []dms.Replica { return l.Callee.Replicas()[:1] }
