package kernel

import (
	"context"
	"sync/atomic"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/internal/api"
	"amino.run/kernel/caller"
)

// A guest is a host instance with a turn, a version, and something to go back to.
// It is the innermost handler of a replica's chain, and of a private copy.
type guest struct {
	inst     host.Instance
	env      *env
	recorder host.Recorder // of the call inside: what the instance has for its world
	given    host.Record   // to that call
	turn     turn
	version  atomic.Uint64
	last     *host.Image // the last capture
	lastVers uint64
	since    *history                               // the calls since the last capture; nil if they are not kept
	exact    bool                                   // calls that only read leave no trace: they run in the view
	view     host.View                              // nil until used
	stale    bool                                   // the view does not show the state
	after    func(call uint64, verbs []abi.Request) // told of verbs a guest sent to itself; may be nil
}

// newGuest instantiates m. With s it continues from there; without, it boots and
// runs the constructor.
func newGuest(ctx context.Context, m *module, e *env, g *api.Group, s *dms.Snapshot) (*guest, error) {
	if s == nil {
		return newGuestAt(ctx, m, e, g, nil, 0)
	}
	img, err := host.ParseImage(s.Image)
	if err != nil {
		return nil, err
	}
	return newGuestAt(ctx, m, e, g, img, s.Version)
}

// newGuestAt is newGuest from an image; nil boots and runs the constructor.
func newGuestAt(ctx context.Context, m *module, e *env, g *api.Group, img *host.Image, version uint64) (*guest, error) {
	x := &guest{env: e, last: img, lastVers: version}
	e.turn = &x.turn
	if g.Spec.Rollback != api.RollbackSnapshot {
		x.since = new(history)
	}
	x.version.Store(version)
	cfg := host.Config{Env: &x.recorder, Limits: host.Limits{Memory: g.Spec.Memory, Fuel: g.Spec.Fuel}}
	inst, err := m.compiled.Instantiate(ctx, cfg, x.last)
	if err != nil {
		return nil, err
	}
	x.inst = inst
	if img != nil {
		return x, nil
	}
	if err = x.construct(ctx, g); err == nil {
		err = x.take()
	}
	if err != nil {
		inst.Close(ctx)
		return nil, err
	}
	return x, nil
}

// construct boots the guest and runs its constructor, within the time of a call.
func (x *guest) construct(ctx context.Context, g *api.Group) error {
	ctx, cancel := context.WithTimeout(ctx, caller.TimeoutOf(g))
	defer cancel()
	x.begin(dms.Call{}, x.env)
	defer x.env.end()
	if err := x.inst.Boot(ctx); err != nil {
		return err
	}
	_, err := x.inst.Invoke(ctx, abi.Constructor, 0, "", g.Spec.Args)
	return err
}

// resume tells the guest that it is another than the one of its snapshot. No call
// has been made.
func (x *guest) resume(ctx context.Context, g *api.Group) error {
	ctx, cancel := context.WithTimeout(ctx, caller.TimeoutOf(g))
	defer cancel()
	x.begin(dms.Call{}, x.env)
	defer x.env.end()
	if err := x.inst.Resume(ctx); err != nil {
		return err
	}
	return x.take()
}

// invoke runs one call in the guest; Replace puts a snapshot in its place.
func (x *guest) invoke(ctx context.Context, call dms.Call) ([]byte, error) {
	t, world := x.tape(ctx), host.Env(x.env)
	if t.replayer != nil {
		if undone, ok := t.replayer.Next(); ok {
			return nil, undone
		}
		ctx, world = context.WithoutCancel(ctx), t.replayer
	}
	if err := x.turn.lock(ctx, call.Root, len(call.Path) > 0); err != nil {
		return nil, t.undone(err)
	}
	defer x.turn.unlock()
	if call.Verb == dms.Replace {
		if err := x.replace(ctx, call.Args, call.ID); err != nil {
			return nil, t.undone(err)
		}
		return nil, nil
	}
	in, err := x.place(ctx, call.ReadOnly)
	if err != nil {
		return nil, t.undone(err)
	}
	before := x.inst.Usage().Fuel
	out, later, err := x.enter(ctx, in, call, world)
	if _, ok := err.(*host.NotMade); ok {
		return nil, t.undone(abi.AsError(err))
	}
	kept, fault := x.judge(in, t, out, err)
	if fault != nil {
		return nil, t.undone(x.undo(ctx, in, fault))
	}
	t.keep(&x.given)
	if len(later) > 0 && err == nil && x.after != nil {
		x.after(call.ID, later)
	}
	if !call.ReadOnly {
		x.version.Add(1)
	}
	if in == x.inst {
		x.note(&call, kept, x.inst.Usage().Fuel-before)
	}
	return out, answered(err)
}

// A place is where a call runs: the instance, or a view of it.
type place interface {
	Invoke(ctx context.Context, kind abi.Kind, flags uint8, method string, args []byte) ([]byte, error)
	Failed() bool
}

// place returns where a call runs.
func (x *guest) place(ctx context.Context, readonly bool) (place, error) {
	if !x.exact || !readonly {
		x.stale = true
		return x.inst, nil
	}
	if !x.stale && x.view != nil {
		return x.view, nil
	}
	var err error
	if x.view == nil {
		x.view, err = x.inst.View(ctx)
	} else {
		err = x.view.Refresh(ctx)
	}
	x.stale = err != nil
	return x.view, err
}

// enter runs a call in the guest and returns, too, the verbs it sent to itself.
// The turn is held.
func (x *guest) enter(ctx context.Context, in place, call dms.Call, world host.Env) (out []byte, later []abi.Request, err error) {
	var flags uint8
	if call.ReadOnly {
		flags = abi.ReadOnlyFlag
	}
	x.begin(call, world)
	out, err = in.Invoke(ctx, abi.Method, flags, call.Method, call.Args)
	return out, x.env.end(), err
}

// begin makes the guest ready for a call: world is what it sees.
func (x *guest) begin(call dms.Call, world host.Env) {
	x.env.begin(call)
	x.recorder.Env = world
	if len(x.given.Bytes()) > historyBytes { // of the last call
		x.given = host.Record{}
	}
	x.given.Reset()
	x.recorder.Begin(&x.given)
}

// judge returns a fault if a call that was entered is to be undone, and whether
// its record is whole.
func (x *guest) judge(in place, t *tape, out []byte, err error) (kept bool, fault error) {
	if in.Failed() {
		return false, err
	}
	if t.replayer != nil {
		if fault := t.replayer.End(out, err); fault != nil {
			return false, fault
		}
	}
	large := x.recorder.End(out, err)
	if large != nil && t.record != nil {
		return false, large
	}
	return large == nil, nil
}

// note takes note of a call that came to its end, so that a later one can be
// undone.
func (x *guest) note(call *dms.Call, kept bool, fuel uint64) {
	if x.since == nil {
		return
	}
	x.since.gap = x.since.gap || !kept
	if !kept || !x.since.add(call, &x.given, fuel, x.inst.Usage().Memory) {
		x.trim() // what fails is made good by the next call's
	}
}

// answered returns an error that a guest answered as its caller may see it. Only
// kernels say where a replica is, and no guest speaks of this one's state.
func answered(err error) error {
	e := abi.AsError(err)
	switch {
	case e == nil:
		return nil
	case e.Code == abi.Moved:
		return abi.Errorf(abi.Application, "the microservice answered with the code moved, which is not a guest's: %s", e.Msg)
	}
	return &abi.Error{Code: e.Code, Msg: e.Msg}
}

// keepExact lets calls that only read leave no trace from now on, and keeps calls so
// that any can be undone. No call has been made yet.
func (x *guest) keepExact() {
	x.exact = true
	if x.since == nil {
		x.since = new(history)
	}
}

// close turns calls that wait away with why, and frees the instance when the one
// inside has left it. It returns false, at once, if that was done before.
func (x *guest) close(why error) bool {
	if !x.turn.finish(why) {
		return false
	}
	if x.view != nil {
		x.view.Close(context.Background())
	}
	x.inst.Close(context.Background())
	return true
}
