package kernel

import (
	"context"
	"runtime"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A private copy is a guest outside its group, beside a caller. It lives under the
// kernel's lease: a kernel that was given up may not answer from what it holds, as the
// group may have gone on without it.
type privateCopy struct {
	k    *Kernel
	life uint64 // of the lease
	x    *guest
}

// errUnused is not seen: a copy is closed when no one can call it.
var errUnused = abi.Errorf(abi.Unavailable, "the private copy is gone")

var _ dms.Copy = (*privateCopy)(nil)

// Run implements caller.Kernel. The copy's memory is freed when no one refers to
// it any more: the DM that asked for it keeps it as long as it likes.
func (k *Kernel) Run(ctx context.Context, g *api.Group, s dms.Snapshot) (dms.Copy, error) {
	m, err := k.modules.get(ctx, g.Spec.Module)
	if err != nil {
		return nil, err
	}
	x, err := newGuest(ctx, m, k.env(g, g.ID+"@"+k.node.ID), g, &s)
	if err != nil {
		return nil, err
	}
	if err := x.resume(ctx, g); err != nil {
		x.close(err)
		return nil, err
	}
	c := &privateCopy{k, k.lease.life.Load(), x}
	runtime.AddCleanup(c, func(x *guest) { x.close(errUnused) }, x)
	return c, nil
}

// Invoke implements dms.Copy.
func (c *privateCopy) Invoke(ctx context.Context, call dms.Call) ([]byte, error) {
	defer runtime.KeepAlive(c)
	if call.Verb != "" {
		return nil, abi.Errorf(abi.UnknownVerb, "a private copy does not take verbs")
	}
	if !c.k.lease.held.Load() || c.k.lease.life.Load() != c.life {
		return nil, c.k.lease.err()
	}
	out, err := c.x.invoke(ctx, call)
	if late := c.k.lease.outlived(); late != nil || c.k.lease.life.Load() != c.life {
		return nil, c.k.lease.lost()
	}
	return out, err
}

// Snapshot implements dms.Copy.
func (c *privateCopy) Snapshot(ctx context.Context) (dms.Snapshot, error) {
	defer runtime.KeepAlive(c)
	return c.x.snapshot(ctx)
}

// Restore implements dms.Copy.
func (c *privateCopy) Restore(ctx context.Context, s dms.Snapshot) error {
	defer runtime.KeepAlive(c)
	_, err := c.x.invoke(ctx, dms.Call{ID: s.Version, Verb: dms.Replace, Args: s.Image})
	return err
}
