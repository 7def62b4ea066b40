package dms

import (
	"context"
	"errors"
	"slices"

	"amino.run/abi"
)

// Primary returns the primary of p's group; abi.ErrUnavailable if it has none now.
func Primary(p Part) (Replica, error) {
	all := p.Replicas()
	if len(all) == 0 {
		return Replica{}, abi.Errorf(abi.Unavailable, "the microservice has no replica now")
	}
	return all[0], nil
}

// AskPrimary sends req to the instance manager of the primary, see Ask.
func AskPrimary[Resp, Req any](ctx context.Context, p Part, req Req) (resp Resp, err error) {
	at, err := Primary(p)
	if err != nil {
		return resp, err
	}
	return Ask[Resp](ctx, p, at.Peer, req)
}

// CopyHere runs a copy of the primary at c.
func CopyHere(ctx context.Context, c Caller) (Copy, error) {
	s, err := c.Fetch(ctx)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, s)
}

// Spare returns the nodes that placement allows and that have no replica.
func Spare(g Group) []Node {
	return slices.DeleteFunc(slices.Clone(g.Nodes()), func(n Node) bool {
		return slices.ContainsFunc(g.Replicas(), func(r Replica) bool { return r.Node.ID == n.ID })
	})
}

// Grow starts replicas on spare nodes until there are want of them or no spare
// node is left.
func Grow(ctx context.Context, g Group, want int) error {
	for len(g.Replicas()) < want {
		spare := Spare(g)
		if len(spare) == 0 {
			return nil
		}
		if _, err := g.Replicate(ctx, spare[0]); err != nil {
			return err
		}
	}
	return nil
}

// SaveNow saves the guest as it is.
func SaveNow(ctx context.Context, c Callee) error {
	s, err := c.Snapshot(ctx)
	if err != nil {
		return err
	}
	return c.Save(ctx, s)
}

// LoadLast restores what was last saved. If nothing was, the state stays as it is,
// but its version goes up: after a failure it is not what callers last saw.
func LoadLast(ctx context.Context, c Callee) error {
	s, err := c.Load(ctx)
	if errors.Is(err, abi.ErrNotFound) {
		s, err = c.Snapshot(ctx)
	}
	if err != nil {
		return err
	}
	return c.Restore(ctx, s)
}

// Retryable reports whether sending the call again, to the same or another
// replica, can help.
func Retryable(err error) bool {
	switch abi.CodeOf(err) {
	case abi.Unavailable, abi.Overloaded, abi.Leased, abi.NotLeader:
		return true
	}
	return false
}
