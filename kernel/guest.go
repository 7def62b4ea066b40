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
	stage    *stage // what the instance has for its world: env, unless a call has a tape
	recorder host.Recorder
	turn     turn
	version  atomic.Uint64
	perCall  bool        // capture before each call what has changed since the last
	last     *host.Image // the last snapshot
	lastVers uint64
	after    func(call uint64, verbs []abi.Request) // told of verbs a guest sent to itself; may be nil
}

// newGuest instantiates m. With s it continues from there; without, it boots and
// runs the constructor.
func newGuest(ctx context.Context, m *module, e *env, g *api.Group, s *dms.Snapshot) (*guest, error) {
	world := &stage{e}
	cfg := host.Config{Env: world, Limits: host.Limits{Memory: g.Spec.Memory, Fuel: g.Spec.Fuel}}
	var img *host.Image
	if s != nil {
		var err error
		if img, err = host.ParseImage(s.Image); err != nil {
			return nil, err
		}
	}
	inst, err := m.compiled.Instantiate(ctx, cfg, img)
	if err != nil {
		return nil, err
	}
	x := &guest{inst: inst, env: e, stage: world, recorder: host.Recorder{Env: e}, perCall: g.Spec.Rollback == api.RollbackCall}
	e.turn = &x.turn
	if s != nil {
		x.version.Store(s.Version)
		x.last, x.lastVers = img, s.Version
		return x, nil
	}
	if err = x.construct(ctx, g); err == nil {
		_, err = x.capture()
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
	if err := x.inst.Boot(ctx); err != nil {
		return err
	}
	x.env.begin(dms.Call{})
	defer x.env.end()
	_, err := x.inst.Invoke(ctx, abi.Constructor, 0, "", g.Spec.Args)
	return err
}

// invoke runs one call in the guest; Replace puts a snapshot in its place.
func (x *guest) invoke(ctx context.Context, call dms.Call) ([]byte, error) {
	if err := x.turn.lock(ctx, call.Root, len(call.Path) > 0); err != nil {
		return nil, err
	}
	defer x.turn.unlock()
	if call.Verb == dms.Replace {
		return nil, x.replace(ctx, call.Args, call.ID)
	}
	if x.perCall { // also before one that only reads: what was written before must stay
		if _, err := x.capture(); err != nil {
			return nil, err
		}
	}
	if t := x.tape(ctx); t != nil && t.replayer != nil {
		return x.replay(ctx, call, t.replayer)
	} else if t != nil {
		return x.record(ctx, call, t.record)
	}
	out, later, err := x.enter(ctx, call)
	if x.inst.Failed() {
		return nil, x.rewind(ctx, err)
	}
	x.ran(call, later, err)
	return out, answered(err)
}

// record is invoke for a call that r gets the record of.
func (x *guest) record(ctx context.Context, call dms.Call, r *host.Record) ([]byte, error) {
	x.recorder.Begin(r)
	x.stage.Env = &x.recorder
	out, later, err := x.enter(ctx, call)
	x.stage.Env = x.env
	failed := x.inst.Failed()
	if !failed {
		if e := x.recorder.End(out, err); e != nil {
			failed, err = true, e
		}
	}
	if failed {
		err = x.rewind(ctx, err)
		x.recorder.Undone(err)
		return nil, err
	}
	x.ran(call, later, err)
	return out, answered(err)
}

// replay is invoke for a call that is given what was recorded.
func (x *guest) replay(ctx context.Context, call dms.Call, p *host.Replayer) ([]byte, error) {
	if undone, ok := p.Next(); ok {
		return nil, undone
	}
	x.stage.Env = p
	out, _, err := x.enter(context.WithoutCancel(ctx), call)
	x.stage.Env = x.env
	if x.inst.Failed() {
		return nil, x.rewind(ctx, err)
	}
	if e := p.End(out, err); e != nil {
		return nil, x.rewind(ctx, e)
	}
	x.ran(call, nil, err)
	return out, answered(err)
}

// enter runs a call in the guest and returns, too, the verbs it sent to itself.
func (x *guest) enter(ctx context.Context, call dms.Call) (out []byte, later []abi.Request, err error) {
	var flags uint8
	if call.ReadOnly {
		flags = abi.ReadOnlyFlag
	}
	x.env.begin(call)
	out, err = x.inst.Invoke(ctx, abi.Method, flags, call.Method, call.Args)
	return out, x.env.end(), err
}

// ran takes note of a call that came to its end.
func (x *guest) ran(call dms.Call, later []abi.Request, err error) {
	if len(later) > 0 && err == nil && x.after != nil {
		x.after(call.ID, later)
	}
	if !call.ReadOnly {
		x.version.Add(1)
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

// rewind puts the last snapshot back after a call that was undone, and returns
// the call's error with the state the guest is in now.
func (x *guest) rewind(ctx context.Context, cause error) error {
	e := *abi.AsError(cause)
	if err := x.inst.Restore(context.WithoutCancel(ctx), x.last); err != nil {
		e.Code, e.Msg = abi.Internal, e.Msg+"; and the state cannot be put back: "+err.Error()
		return &e
	}
	if x.lastVers == x.version.Load() {
		e.State = abi.StateBefore
		e.Msg += "; the state is the one before the call"
		return &e
	}
	e.State = abi.StateSnapshot
	e.Msg += "; the state is the last snapshot, calls since then are undone"
	x.version.Add(1)
	x.lastVers = x.version.Load()
	return &e
}

// capture takes a snapshot to go back to. The turn is held, or the guest is not
// yet seen by others.
func (x *guest) capture() (*host.Image, error) {
	if x.last != nil && x.lastVers == x.version.Load() {
		return x.last, nil
	}
	img, err := x.inst.Snapshot()
	if err != nil {
		return nil, err
	}
	x.last, x.lastVers = img, x.version.Load()
	return img, nil
}

// replace puts a marshalled image in place of the state.
func (x *guest) replace(ctx context.Context, image []byte, version uint64) error {
	img, err := host.ParseImage(image)
	if err != nil {
		return err
	}
	if err := x.inst.Restore(ctx, img); err != nil {
		return err
	}
	x.version.Store(max(x.version.Load(), version) + 1)
	x.last, x.lastVers = img, x.version.Load()
	return nil
}

// snapshot returns the state between two calls.
func (x *guest) snapshot(ctx context.Context) (dms.Snapshot, error) {
	if err := x.turn.lock(ctx, 0, false); err != nil {
		return dms.Snapshot{}, err
	}
	img, version, err := x.now()
	if err != nil {
		return dms.Snapshot{}, err
	}
	return dms.Snapshot{Version: version, Image: img.Marshal()}, nil // an image never changes
}

// now captures the state and gives the turn up.
func (x *guest) now() (*host.Image, uint64, error) {
	defer x.turn.unlock()
	img, err := x.capture()
	return img, x.version.Load(), err
}

// close turns calls that wait away with why, and frees the instance when the one
// inside has left it. It returns false, at once, if that was done before.
func (x *guest) close(why error) bool {
	if !x.turn.finish(why) {
		return false
	}
	x.inst.Close(context.Background())
	return true
}
