package kernel

import (
	"context"

	"amino.run/abi"
	"amino.run/host"
)

// A tape records the calls of a guest that are made in one context, or gives them
// what was recorded. It travels in the context, through the layers of a chain that
// lie between who wants it and the guest. Those may make one call of the guest, or
// several, or none; one after the other.
type tape struct {
	guest    *guest
	record   *host.Record   // gets what is recorded; nil if it is replayed
	replayer *host.Replayer // gives what was recorded; nil if it is recorded
	lost     bool           // the state is not the one that record leads to
	fault    error          // the first of what is replayed
}

type tapeKey struct{}

// recording returns a context in which the guest's calls are recorded. record is
// called when they are over. It returns each of them, with what the host gave it; of
// one that was undone, or not made, its error. It returns nil if a fault has left the
// guest in a state that the record does not lead to. A call whose record is too large
// is undone, with an error of code MemoryLimit.
//
// Calls in other contexts are not in the record: for another guest to follow, all that
// may change the state must be recorded, and replayed in the same order.
func (x *guest) recording(ctx context.Context) (_ context.Context, record func() *host.Record) {
	t := &tape{guest: x, record: new(host.Record)}
	return context.WithValue(ctx, tapeKey{}, t), func() *host.Record {
		if t.lost {
			return nil
		}
		return t.record
	}
}

// replaying returns a context in which the guest's calls are given what r holds,
// call by call. Nothing leaves the guest, nothing is logged, and neither ctx's end nor
// its deadline ends a call. One that was undone is undone again, by its error and
// without being made. done is called when the calls are over, and returns nil if they
// were those of r.
//
// A call that differs from what was recorded is undone, with an error of code
// Internal that says where: the guest is not in the state in which r was recorded.
func (x *guest) replaying(ctx context.Context, r *host.Record) (_ context.Context, done func() error) {
	t := &tape{guest: x, replayer: host.NewReplayer(x.env, r)}
	return context.WithValue(ctx, tapeKey{}, t), func() error {
		if t.fault != nil {
			return t.fault
		}
		return t.replayer.Rest()
	}
}

// noTape neither records nor replays.
var noTape tape

// tape returns the tape of ctx, if that is of this guest and no other that it calls.
func (x *guest) tape(ctx context.Context) *tape {
	if t, ok := ctx.Value(tapeKey{}).(*tape); ok && t.guest == x {
		return t
	}
	return &noTape
}

// keep appends the calls of r to what is recorded.
func (t *tape) keep(r *host.Record) {
	if t.record != nil {
		t.record.Append(r)
	}
}

// undone notes that a call was undone, or not made, and returns why.
func (t *tape) undone(why error) error {
	if t.replayer != nil && t.fault == nil {
		t.fault = why // what was undone is not made at all
	}
	if t.record != nil {
		var p host.Recorder
		p.Begin(t.record)
		p.Undone(why)
		t.lost = t.lost || abi.AsError(why).State == abi.StateSnapshot || t.guest.inst.Failed()
	}
	return why
}
