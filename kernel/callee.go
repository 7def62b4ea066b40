package kernel

import (
	"context"

	"amino.run/dms"
	"amino.run/host"
	"amino.run/kernel/internal/part"
)

// A callee is the kernel as one instance manager of a chain sees it.
type callee struct {
	*part.Part
	r     *replica
	self  string      // the replica's address, or that of the member it is in
	inner dms.Handler // the layers nearer the application
}

var _ dms.Callee = (*callee)(nil)

// Self implements dms.Callee.
func (c *callee) Self() dms.Replica {
	return dms.Replica{Peer: dms.Peer(c.self), Node: c.r.Here()}
}

// Version implements dms.Callee.
func (c *callee) Version() uint64 { return c.r.guest.version.Load() }

// Snapshot implements dms.Callee.
func (c *callee) Snapshot(ctx context.Context) (s dms.Snapshot, err error) {
	if l := c.r.log; l == nil || c.Layer() <= l.layer {
		return c.r.guest.snapshot(ctx)
	}
	err = c.r.view(ctx, func(ctx context.Context) (err error) {
		s, err = c.r.guest.snapshot(ctx)
		return err
	})
	return s, err
}

// Restore implements dms.Callee.
func (c *callee) Restore(ctx context.Context, s dms.Snapshot) error {
	_, err := c.inner(ctx, dms.Call{ID: s.Version, Verb: dms.Replace, Args: s.Image})
	return err
}

// Record implements dms.Callee.
func (c *callee) Record(ctx context.Context, call dms.Call) (out, record []byte, err error) {
	ctx, recorded := c.r.guest.recording(ctx)
	out, err = c.inner(ctx, call)
	if r := recorded(); r != nil {
		record = r.Bytes()
	}
	return out, record, err
}

// Replay implements dms.Callee.
func (c *callee) Replay(ctx context.Context, call dms.Call, record []byte) ([]byte, error) {
	r, err := host.ParseRecord(record)
	if err != nil {
		return nil, err
	}
	ctx, rest := c.r.guest.replaying(ctx, r)
	out, err := c.inner(ctx, call)
	if differs := rest(); differs != nil {
		return nil, differs
	}
	return out, err
}

// Save implements dms.Callee.
func (c *callee) Save(_ context.Context, s dms.Snapshot) error {
	if late := c.r.late(); late != nil { // another kernel may have taken this one's place
		return late
	}
	if err := c.r.k.store.save(savedAs(c.r.group.Load(), c.r.peer), c.r.epoch, s); err != nil {
		return err
	}
	if late := c.r.late(); late != nil { // it may have been looked for before it was there
		return late
	}
	return nil
}

// Load implements dms.Callee.
func (c *callee) Load(context.Context) (dms.Snapshot, error) {
	return c.r.k.store.load(savedAs(c.r.group.Load(), c.r.peer))
}

// OnRecover implements dms.Callee.
func (c *callee) OnRecover(f func(ctx context.Context) error) {
	c.r.recover = append(c.r.recover, f)
}
