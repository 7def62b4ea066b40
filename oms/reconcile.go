package oms

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// reconcile makes what a kernel holds and the directory agree, in the background,
// while the kernel is connected: when it joins, when its stream was away, and when it
// could not be told something. An open, a forget or a whole move may have been cut
// short, or have reached a kernel before it joined. Then what is lost is repaired,
// perhaps on this kernel.
func (o *OMS) reconcile(node string) {
	o.members.settling(node).run(o, func(ctx context.Context) {
		err := o.settleNode(ctx, node)
		o.repairAll()
		for err != nil {
			o.log.Warn("cannot compare a kernel with the directory; it is tried again", "node", node, "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
			err = o.settleNode(ctx, node)
		}
	})
}

// settleNode settles what a kernel holds. One that is not connected is settled when it
// is again.
func (o *OMS) settleNode(ctx context.Context, node string) error {
	k, err := o.members.kernel(node)
	if err != nil {
		return nil
	}
	held, err := ask[[]api.ReplicaStatus](ctx, k, shortCall, api.KernelStatus, api.None{})
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, h := range held {
		ids[directory.GroupOf(h.Peer)] = true
	}
	o.store.view(func(st *directory.State) {
		for _, id := range st.On(node) {
			ids[id] = true
		}
	})
	var now []api.Group
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if err := o.settleGroup(ctx, node, k, id, held); err != nil {
			return err
		}
		for ; id != ""; id = directory.GroupOf(id) {
			if rec, err := o.store.group(id); err == nil {
				now = append(now, rec.Group)
			}
		}
	}
	o.members.tellOne(node, now)
	return nil
}

// settleGroup settles what a kernel held of one group when it was asked.
func (o *OMS) settleGroup(ctx context.Context, node string, k Kernel, id string, held []api.ReplicaStatus) error {
	rec, err := o.store.group(id)
	if errors.Is(err, abi.ErrNotFound) {
		for _, h := range held {
			if directory.GroupOf(h.Peer) == id {
				err := forgotten(forgetReplica(ctx, k, api.ReplicaRef{Peer: h.Peer, Epoch: h.Epoch}, nil))
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	g := o.groups.get(o, rec)
	if g == nil {
		return nil // nothing of it has been started yet
	}
	if err := g.work.Lock(ctx); err != nil {
		return err
	}
	defer g.work.Unlock()
	for _, h := range held {
		if directory.GroupOf(h.Peer) != id {
			continue
		}
		if err := g.trySettle(node, k, api.ReplicaRef{Peer: h.Peer, Epoch: h.Epoch}); err != nil {
			return err
		}
	}
	return g.loseMissing(ctx, node, k, held)
}

// loseMissing says that replicas are lost which should be on a node and are not. It
// asks the kernel again, as held may be from before the last change of the group.
func (g *group) loseMissing(ctx context.Context, node string, k Kernel, held []api.ReplicaStatus) error {
	missing, err := g.missing(node, held)
	if err != nil || len(missing) == 0 {
		return nil
	}
	held, err = ask[[]api.ReplicaStatus](ctx, k, shortCall, api.KernelStatus, api.None{})
	if err != nil {
		return err
	}
	if missing, err = g.missing(node, held); err != nil {
		return nil
	}
	for _, r := range missing {
		g.o.log.Warn("a kernel does not have a replica it should have", "node", node, "peer", r.Peer)
		change, err := g.o.store.do(directory.Lose{Peer: r.Peer, Epoch: r.Epoch})
		if err != nil {
			return err
		}
		g.o.lost(change)
	}
	return nil
}

func (g *group) missing(node string, held []api.ReplicaStatus) (missing []api.Replica, err error) {
	rec, err := g.record()
	if err != nil {
		return nil, err
	}
	if rec.Creating { // what is missing may not have been started yet; who creates it notices
		return nil, nil
	}
	for _, r := range rec.Replicas {
		here := func(h api.ReplicaStatus) bool { return h.Peer == r.Peer && h.Epoch == r.Epoch }
		if r.Node.ID == node && !r.Lost && !slices.ContainsFunc(held, here) {
			missing = append(missing, r)
		}
	}
	return missing, nil
}
