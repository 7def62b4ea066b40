package caller

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// A proxy is the kernel as one proxy of a chain sees it.
type proxy struct {
	*part.Part
	r     *route
	outer dms.Handler // the layers nearer the wire
}

var _ dms.Caller = (*proxy)(nil)

type destinationKey struct{}

// destination returns the replica that an Invoke named, "" if none did.
func destination(ctx context.Context) string {
	peer, _ := ctx.Value(destinationKey{}).(string)
	return peer
}

// Invoke implements dms.Caller.
func (p *proxy) Invoke(ctx context.Context, to dms.Replica, call dms.Call) ([]byte, error) {
	return p.outer(context.WithValue(ctx, destinationKey{}, string(to.Peer)), call)
}

// Manifest implements dms.Caller.
func (p *proxy) Manifest() *abi.Manifest { return p.r.manifest }

// Fetch implements dms.Caller.
func (p *proxy) Fetch(ctx context.Context) (s dms.Snapshot, err error) {
	r, err := p.r.leaf(ctx, "")
	if err != nil {
		return s, err
	}
	err = r.reach(ctx, "", func(to api.Replica) error {
		x, err := r.c.kernel.Fetch(ctx, to)
		s = dms.Snapshot{Version: x.Version, Image: x.Image}
		return err
	})
	return s, err
}

// Run implements dms.Caller.
func (p *proxy) Run(ctx context.Context, s dms.Snapshot) (dms.Copy, error) {
	return p.r.c.kernel.Run(ctx, p.r.group.Load(), s)
}
