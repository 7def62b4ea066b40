package kernel

import (
	"context"

	"amino.run/host"
)

// A tape records the calls of a guest that are made in one context, or gives them
// what was recorded. It travels in the context, through the layers of a chain that
// lie between who wants it and the guest. Those may make one call of the guest, or
// several, or none; one after the other.
type tape struct {
	guest    *guest
	record   *host.Record   // of what is recorded
	replayer *host.Replayer // of what is replayed; else nil
}

type tapeKey struct{}

// recording returns a context in which the guest's calls are recorded, and the
// record. It is to be read when the calls are over, and has each of them, with what
// the host gave it; of one that was undone it has the error. A call whose record is
// too large is undone, with an error of code MemoryLimit.
//
// A call in another context is not recorded, so one recorded change of the state
// after the other needs that no other call is made in between.
func (x *guest) recording(ctx context.Context) (context.Context, *host.Record) {
	t := &tape{guest: x, record: new(host.Record)}
	return context.WithValue(ctx, tapeKey{}, t), t.record
}

// replaying returns a context in which the guest's calls are given what r holds,
// call by call. None leaves the guest, nothing is logged, and neither ctx's end nor
// its deadline ends one. A call that was undone is undone again, by its error and
// without being made. done is called when the calls are over, and returns an error if r
// holds more.
//
// A call that differs from what was recorded is undone, with an error of code
// Internal that says where: the guest is not in the state in which r was recorded.
func (x *guest) replaying(ctx context.Context, r *host.Record) (_ context.Context, done func() error) {
	t := &tape{guest: x, replayer: host.NewReplayer(x.env, r)}
	return context.WithValue(ctx, tapeKey{}, t), t.replayer.Rest
}

// tape returns the tape of ctx, if that is of this guest and no other that it calls.
func (x *guest) tape(ctx context.Context) *tape {
	if t, ok := ctx.Value(tapeKey{}).(*tape); ok && t.guest == x {
		return t
	}
	return nil
}

// A stage is the world of a guest, which changes from call to call: its env, a
// recorder or a replayer. The guest's turn guards it.
type stage struct{ host.Env }
