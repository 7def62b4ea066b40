package oms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// lost has the groups that lost replicas by a change repaired. Groups being created
// notice by themselves.
func (o *OMS) lost(change *directory.Change) {
	for _, rec := range change.Groups() {
		if !rec.Creating {
			o.repair(o.groups.get(o, rec))
		}
	}
}

// repairAll tries again to repair every group with a lost replica.
func (o *OMS) repairAll() {
	var ids []string
	o.store.view(func(st *directory.State) { ids = st.Lost() })
	for _, id := range ids {
		if rec, err := o.store.group(id); err == nil && !rec.Creating {
			o.repair(o.groups.get(o, rec))
		}
	}
}

// maxRepairs is how many groups are repaired at the same time.
const maxRepairs = 16

func (o *OMS) repair(g *group) {
	if g == nil {
		return // it is part of a microservice that has been deleted
	}
	g.repairing.run(o, func(ctx context.Context) {
		if o.members.settled(ctx) != nil {
			return
		}
		select {
		case o.repairs <- struct{}{}:
			defer func() { <-o.repairs }()
		case <-ctx.Done():
			return
		}
		if err := g.repair(ctx); err != nil && g.ctx.Err() == nil {
			o.log.Error("cannot repair a microservice; it is tried again", "microservice", g.spec.Name, "err", err)
			o.repairLater(g)
		}
	})
}

// repairLater repairs g after a ttl. One such wait is enough for a group.
func (o *OMS) repairLater(g *group) {
	if !g.repairLater.CompareAndSwap(false, true) {
		return
	}
	o.background(func(ctx context.Context) {
		select {
		case <-time.After(o.opt.TTL):
			g.repairLater.Store(false)
			o.repair(g)
		case <-g.ctx.Done():
		}
	})
}

// repair lets the coordinators handle what was lost, then recovers what is still
// lost and can be, and tells the kernels how the group is now.
func (g *group) repair(ctx context.Context) error {
	rec, err := g.record()
	if err != nil {
		return nil // deleted
	}
	err = g.tellCoordinators(ctx, rec)
	if rec, rerr := g.record(); rerr == nil {
		for _, r := range rec.Replicas {
			if r.Lost && r.Recovers {
				err = errors.Join(err, g.recover(ctx, r.Peer))
			}
		}
	}
	if rec, rerr := g.record(); rerr == nil && rec.Revision > g.told.Load() {
		g.changed(rec)
	}
	return err
}

// tellCoordinators makes the OnFailure upcalls for each loss that they have not
// handled.
func (g *group) tellCoordinators(ctx context.Context, rec *directory.Group) error {
	coord := g.coord.Load()
	if !coord.handlesFailure() {
		return nil
	}
	var errs []error
	for _, peer := range rec.Untold {
		lost := rec.Replica(peer)
		if lost == nil {
			continue
		}
		if err := coord.failed(ctx, lost.DM()); err != nil {
			errs = append(errs, fmt.Errorf("the loss of %s: %w", peer, err))
			continue
		}
		if _, err := g.o.store.do(directory.Told{Peer: peer}); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// recover starts a lost replica where its checkpoints can be read. It does nothing
// if there is no such place now; the next join tries again.
func (g *group) recover(ctx context.Context, peer string) error {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.work.Lock(ctx); err != nil {
		return err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return nil // deleted
	}
	r := rec.Replica(peer)
	if r == nil || !r.Lost || g.ready() != nil {
		return nil
	}
	all := slices.DeleteFunc(g.o.places(), func(at place) bool {
		return !sameStore(at.Node, r.Node) || g.refuses(at.Node) != ""
	})
	var errs []error
	for _, at := range all {
		err := g.recoverAt(ctx, r, at)
		if err == nil {
			g.o.log.Info("recovered", "microservice", g.spec.Name, "peer", peer, "node", at.ID)
			return nil
		}
		if errors.Is(err, abi.ErrNotFound) {
			continue // its log is on another node, which may come back
		}
		errs = append(errs, fmt.Errorf("recover %s on %s: %w", peer, at.ID, err))
	}
	return errors.Join(errs...)
}

// sameStore reports whether n reads the checkpoints that the node old wrote. A node
// that has lost its store does not read them, though its ID is the same.
func sameStore(n, old api.Node) bool {
	if old.Store == "" {
		return n.ID == old.ID
	}
	return n.Store == old.Store
}

func (g *group) recoverAt(ctx context.Context, r *api.Replica, at place) error {
	epoch, err := g.prepare(r.Peer)
	if err != nil {
		return err
	}
	cmd := directory.Move{Peer: r.Peer, Epoch: r.Epoch, ToEpoch: epoch, To: at.Node, Incarnation: at.incarnation, Recovers: true}
	start, err := g.startRequest(cmd, r.Peer, epoch)
	if err != nil {
		return err
	}
	start.Recover, start.Was = true, r.Was
	started, err := startReplica(ctx, at.kernel, start)
	if err == nil {
		cmd.Recovers = started.Recovers
		err = g.commit(cmd)
	}
	g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: r.Peer, Epoch: epoch})
	return err
}
