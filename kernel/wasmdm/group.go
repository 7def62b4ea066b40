package wasmdm

import (
	"context"
	"slices"

	"amino.run/abi"
	"amino.run/dms"
)

// atGroup is a primitive that only a coordinator has.
func atGroup(f func(ctx context.Context, g dms.Group, args []abi.Raw) (any, error)) primitive {
	return func(ctx context.Context, e *env, args []abi.Raw) (any, error) {
		if e.w.group == nil {
			return nil, abi.Errorf(abi.Refused, "only a coordinator has that")
		}
		return f(ctx, e.w.group, args)
	}
}

func origin(_ context.Context, g dms.Group, args []abi.Raw) (any, error) {
	return viewNode(g.Origin()), decode(args)
}

func nodes(_ context.Context, g dms.Group, args []abi.Raw) (any, error) {
	all := []node{}
	for _, n := range g.Nodes() {
		all = append(all, viewNode(n))
	}
	return all, decode(args)
}

func replicate(ctx context.Context, g dms.Group, args []abi.Raw) (any, error) {
	var id string
	if err := decode(args, &id); err != nil {
		return nil, err
	}
	n, err := nodeOf(g, id)
	if err != nil {
		return nil, err
	}
	r, err := g.Replicate(ctx, n)
	return viewReplica(r), err
}

func move(ctx context.Context, g dms.Group, args []abi.Raw) (any, error) {
	var peer, id string
	if err := decode(args, &peer, &id); err != nil {
		return nil, err
	}
	r, err := replicaOf(g, peer)
	if err != nil {
		return nil, err
	}
	n, err := nodeOf(g, id)
	if err != nil {
		return nil, err
	}
	return nil, g.Move(ctx, r, n)
}

func remove(ctx context.Context, g dms.Group, args []abi.Raw) (any, error) {
	var peer string
	if err := decode(args, &peer); err != nil {
		return nil, err
	}
	r, err := replicaOf(g, peer)
	if err != nil {
		return nil, err
	}
	return nil, g.Remove(ctx, r)
}

func nodeOf(g dms.Group, id string) (dms.Node, error) {
	all := g.Nodes()
	i := slices.IndexFunc(all, func(n dms.Node) bool { return n.ID == id })
	if i < 0 {
		return dms.Node{}, abi.Errorf(abi.Placement, "there is no live node %q that placement allows", id)
	}
	return all[i], nil
}

func replicaOf(g dms.Group, peer string) (dms.Replica, error) {
	all := g.Replicas()
	i := slices.IndexFunc(all, func(r dms.Replica) bool { return string(r.Peer) == peer })
	if i < 0 {
		return dms.Replica{}, abi.Errorf(abi.NotFound, "there is no replica %q", peer)
	}
	return all[i], nil
}
