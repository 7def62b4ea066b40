package oms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// Migrate moves the primary of a microservice, or the replica that a path names. Callers
// wait; no call is lost or run twice. To where it is is no move.
func (o *OMS) Migrate(ctx context.Context, req api.MigrateRequest) (api.MigrateReply, error) {
	if err := o.members.settled(ctx); err != nil {
		return api.MigrateReply{}, err
	}
	g, peer, err := o.locate(req.Ref)
	if err != nil {
		return api.MigrateReply{}, err
	}
	if peer == "" && g.nested() {
		return api.MigrateReply{}, g.divided("say which to move, such as")
	}
	if peer == "" {
		rec, err := g.record()
		if err != nil {
			return api.MigrateReply{}, err
		}
		peer = rec.Replicas[0].Peer
	}
	return g.move(ctx, peer, req.To)
}

// move takes a replica to a node: docs/design.md, "A move". An error means that it
// is where it was.
func (g *group) move(ctx context.Context, peer, to string) (api.MigrateReply, error) {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return api.MigrateReply{}, err
	}
	defer g.work.Unlock()
	r, err := g.replica(peer)
	if err != nil {
		return api.MigrateReply{}, err
	}
	from := api.ReplicaRef{Peer: peer, Epoch: r.Epoch}
	reply := api.MigrateReply{From: r.Node.ID, To: to}
	if r.Node.ID == to {
		return reply, nil
	}
	at, err := g.placeAt(to)
	if err != nil {
		return reply, err
	}
	source, err := g.o.members.kernel(r.Node.ID)
	if err != nil {
		return reply, err
	}
	epoch, err := g.prepare(peer)
	if err != nil {
		return reply, err
	}
	cmd := directory.Move{Peer: peer, Epoch: r.Epoch, ToEpoch: epoch, To: at.Node, Incarnation: at.incarnation, Recovers: r.Recovers}
	start, err := g.startRequest(cmd, peer, epoch)
	if err != nil {
		return reply, err
	}
	sent, err := sendReplica(ctx, source, api.SendRequest{ReplicaRef: from, To: at.Node, Start: start})
	arrived := time.Now()
	if err == nil {
		cmd.Recovers = sent.Recovers
		err = g.commit(cmd)
	}
	// The directory says where the replica is now, whatever happened.
	g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: peer, Epoch: epoch})
	reply.Pause, reply.Bytes = sent.Closed+time.Since(arrived), sent.Bytes
	g.settle(r.Node.ID, source, from)
	if err != nil {
		return reply, fmt.Errorf("move %s from %s to %s: %w", g.spec.Name, r.Node.ID, to, err)
	}
	return reply, nil
}

// replicate starts a copy of the primary on a node.
func (g *group) replicate(ctx context.Context, to string) (dms.Replica, error) {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return dms.Replica{}, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return dms.Replica{}, err
	}
	primary := rec.Primary()
	if primary == nil {
		return dms.Replica{}, lostError(rec, &rec.Replicas[0])
	}
	at, err := g.placeAt(to)
	if err != nil {
		return dms.Replica{}, err
	}
	source, err := g.o.members.kernel(primary.Node.ID)
	if err != nil {
		return dms.Replica{}, err
	}
	peer := rec.NextPeer()
	epoch, err := g.prepare("")
	if err != nil {
		return dms.Replica{}, err
	}
	cmd := directory.Add{Replica: api.Replica{Peer: peer, Node: at.Node, Epoch: epoch}, Incarnation: at.incarnation}
	start, err := g.startRequest(cmd, peer, epoch)
	if err != nil {
		return dms.Replica{}, err
	}
	start.Resume = true
	from := api.ReplicaRef{Peer: primary.Peer, Epoch: primary.Epoch}
	sent, err := sendReplica(ctx, source, api.SendRequest{ReplicaRef: from, To: at.Node, Start: start, Keep: true})
	if err != nil {
		g.settle(primary.Node.ID, source, from)
	} else {
		cmd.Replica.Recovers = sent.Recovers
		err = g.commit(cmd)
	}
	g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: peer, Epoch: epoch})
	if err != nil {
		return dms.Replica{}, fmt.Errorf("replicate %s on %s: %w", g.spec.Name, to, err)
	}
	return cmd.Replica.DM(), nil
}

// promote makes a replica the primary.
func (g *group) promote(ctx context.Context, peer string) error {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return err
	}
	defer g.work.Unlock()
	r, err := g.replica(peer)
	if err != nil {
		return err
	}
	return g.commit(directory.Promote{Peer: peer, Epoch: r.Epoch})
}

// remove ends a replica.
func (g *group) remove(ctx context.Context, peer string) error {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return err
	}
	r := rec.Replica(peer)
	if r == nil {
		return nil
	}
	if err := g.commit(directory.Remove{Peer: peer, Epoch: r.Epoch}); err != nil {
		return err
	}
	if !r.Lost {
		g.settleAt(r.Node.ID, api.ReplicaRef{Peer: peer, Epoch: r.Epoch})
	}
	return nil
}

// replica returns a replica that is not lost.
func (g *group) replica(peer string) (*api.Replica, error) {
	rec, err := g.record()
	if err != nil {
		return nil, err
	}
	r := rec.Replica(peer)
	if r == nil {
		return nil, abi.Errorf(abi.NotFound, "%s has no replica %s", g.spec.Name, peer)
	}
	if r.Lost {
		return nil, lostError(rec, r)
	}
	return r, nil
}

func lostError(rec *directory.Group, r *api.Replica) error {
	return abi.Errorf(abi.Unavailable, "%s of %s was lost when kernel %s failed, and is not running again yet", r.Peer, rec.Name, r.Node.ID)
}

// prepare has an epoch given out for a replica; with no peer, for a new one.
func (g *group) prepare(peer string) (uint64, error) {
	change, err := g.o.store.do(directory.Prepare{Group: g.id, Peer: peer})
	if err != nil {
		return 0, err
	}
	if peer == "" {
		return 1, nil
	}
	return change.Group().Epochs[peer], nil
}

// startRequest returns the request to start a replica closed, with the group as it will
// be when cmd is committed.
func (g *group) startRequest(cmd directory.Command, peer string, epoch uint64) (req api.StartRequest, err error) {
	var next *directory.Group
	g.o.store.view(func(st *directory.State) { next, err = st.Preview(cmd) })
	if err != nil {
		return req, err
	}
	return api.StartRequest{Group: next.Group, Outer: g.around(), Peer: peer, Epoch: epoch, Closed: true}, nil
}

// commit makes a change of the group's replicas durable and tells of it.
func (g *group) commit(cmd directory.Command) error {
	change, err := g.o.store.do(cmd)
	if err != nil {
		return err
	}
	g.o.tell(change)
	return nil
}

// settle makes a kernel do as the directory says with a replica it may hold: open
// its gate if it is right, forget it if not. If that fails it is tried again in
// the background.
func (g *group) settle(node string, k Kernel, ref api.ReplicaRef) {
	if err := g.trySettle(node, k, ref); err != nil {
		g.o.log.Warn("a kernel could not be told what became of a replica", "node", node, "peer", ref.Peer, "err", err)
		g.o.reconcile(node)
	}
}

func (g *group) settleAt(node string, ref api.ReplicaRef) {
	if k, err := g.o.members.kernel(node); err == nil {
		g.settle(node, k, ref)
	}
}

func (g *group) trySettle(node string, k Kernel, ref api.ReplicaRef) error {
	rec, err := g.record()
	if errors.Is(err, abi.ErrNotFound) {
		return forgotten(forgetReplica(g.o.ctx, k, ref, nil))
	}
	if err != nil {
		return err // the directory cannot be read: nothing is known
	}
	r := rec.Replica(ref.Peer)
	if r != nil && r.Node.ID == node && r.Epoch == ref.Epoch {
		return openReplica(g.o.ctx, k, ref)
	}
	return forgotten(forgetReplica(g.o.ctx, k, ref, r))
}

// forgotten takes an answer that there is nothing to forget for a success.
func forgotten(err error) error {
	if errors.Is(err, abi.ErrNotFound) || errors.Is(err, abi.ErrMoved) {
		return nil
	}
	return err
}
