package dmtest

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// diskTime is how long a disk takes to write a snapshot.
const diskTime = 5 * time.Millisecond

// A callee is the kernel as an instance manager sees it.
type callee struct {
	*part
	r     *replica
	inner dms.Handler // the layers nearer the application
}

var _ dms.Callee = (*callee)(nil)

func (c *callee) Self() dms.Replica { return dms.Replica{Peer: c.peer, Node: c.node} }
func (c *callee) Version() uint64   { return c.r.version.Load() }

func (c *callee) Snapshot(ctx context.Context) (dms.Snapshot, error) {
	if l := c.r.log; l != nil && c.layer > l.layer {
		return l.snapshot(ctx)
	}
	return c.r.snapshot(ctx)
}

func (c *callee) Restore(ctx context.Context, s dms.Snapshot) error {
	_, err := c.inner(ctx, dms.Call{ID: s.Version, Verb: dms.Replace, Args: s.Image})
	return err
}

// Record is next: a test's guest is given nothing.
func (c *callee) Record(ctx context.Context, call dms.Call) (out, record []byte, err error) {
	out, err = c.inner(ctx, call)
	return out, []byte{}, err
}

func (c *callee) Replay(ctx context.Context, call dms.Call, _ []byte) ([]byte, error) {
	return c.inner(ctx, call)
}

// Save writes in a while, whole or not at all: not if the node fails meanwhile.
func (c *callee) Save(ctx context.Context, s dms.Snapshot) error {
	select {
	case <-time.After(diskTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	cl := c.r.cl
	n := cl.node(c.node.ID)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch {
	case c.r.here() != nil:
		return unreachable(c.node.ID)
	case n.full:
		return abi.Errorf(abi.Storage, "the disk of %s is full; the last checkpoint still holds", n.ID)
	}
	cl.disk[c.r.Peer] = saved{n.ID, s}
	return nil
}

func (c *callee) Load(context.Context) (dms.Snapshot, error) {
	cl := c.r.cl
	cl.mu.Lock()
	defer cl.mu.Unlock()
	s, ok := cl.disk[c.r.Peer]
	if !ok || s.node != c.node.ID && !cl.SharedStore {
		return dms.Snapshot{}, abi.Errorf(abi.NotFound, "nothing was saved")
	}
	return s.Snapshot, nil
}

func (c *callee) OnRecover(f func(context.Context) error) { c.r.recover = append(c.r.recover, f) }
