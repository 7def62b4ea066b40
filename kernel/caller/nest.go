package caller

import (
	"context"
	"errors"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// whole returns an error unless the route is that of a microservice.
func (r *route) whole() error {
	if r.within == "" {
		return nil
	}
	g := r.group.Load()
	return abi.Errorf(abi.BadArgument, "%s is a shard of %s and cannot be called by itself: call %s", g.ID, g.Name, g.Name)
}

// CallWithin calls a group by its ID, which may be a member of another: the DMs around
// it do not see the call.
func (c *Caller) CallWithin(ctx context.Context, group string, call dms.Call) (out []byte, err error) {
	defer part.Caught(c.log, &err)
	r, err := c.route(ctx, group)
	if err != nil {
		return nil, err
	}
	return c.call(ctx, r, call)
}

// member returns the route of a member that is a group: of the first if peer is "".
func (r *route) member(ctx context.Context, peer string) (*route, error) {
	to, err := r.find(peer)
	if err != nil { // of the group as it was
		if err := r.refresh(ctx); err != nil {
			return nil, err
		}
		if to, err = r.find(peer); err != nil {
			return nil, err
		}
	}
	m, err := r.c.route(ctx, to.Peer)
	if errors.Is(err, abi.ErrNotFound) {
		_ = r.refresh(ctx) // the next call starts from what the directory says
		return nil, gone(r.group.Load().Name, to.Peer)
	}
	return m, err
}

// leaf returns the route to the primary of a member, of the first if peer is "": r if
// its members are replicas.
func (r *route) leaf(ctx context.Context, peer string) (*route, error) {
	if !r.nested {
		return r, nil
	}
	m, err := r.member(ctx, peer)
	if err != nil {
		return nil, err
	}
	return m.leaf(ctx, "")
}

// enter carries out a call at a member.
func (r *route) enter(ctx context.Context, peer string, call dms.Call) ([]byte, error) {
	m, err := r.member(ctx, peer)
	if err != nil {
		return nil, err
	}
	if peer != "" {
		ctx = context.WithValue(ctx, destinationKey{}, "") // it was named to the proxies around
	}
	return m.handler(ctx, call)
}

// sendTo carries a message to a member: to its primary.
func (r *route) sendTo(ctx context.Context, peer string, m api.AskRequest) (out []byte, err error) {
	leaf, err := r.leaf(ctx, peer)
	if err != nil {
		return nil, err
	}
	err = leaf.reach(ctx, "", func(to api.Replica) (err error) {
		m.At = to.Peer
		out, err = leaf.c.kernel.Ask(ctx, leaf.group.Load(), m)
		return err
	})
	return out, err
}

// gone is the error of a member that has been ended.
func gone(name, member string) error {
	return abi.Errorf(abi.Unavailable, "%s has no shard %s any more (the call did not run)", name, member)
}
