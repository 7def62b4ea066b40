package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
	"amino.run/internal/api"
	"amino.run/kernel/caller"
)

// An outside is the world of a guest under test: the kernel that its calls leave
// by, and a directory in which every name is one group.
type outside struct {
	caller.Kernel
	invoke  func(call dms.Call) ([]byte, error)
	missing error // what the directory answers
}

func (o *outside) Here() dms.Node { return dms.Node{ID: "here"} }

func (o *outside) Invoke(_ context.Context, _ api.Replica, call dms.Call) ([]byte, error) {
	return o.invoke(call)
}

func (o *outside) Lookup(context.Context, string) (api.Group, error) {
	return api.Group{
		ID: "m9", Name: "other", Revision: 1, Manifest: []byte(`{"abi":1,"name":"other","methods":[]}`),
		Replicas: []api.Replica{{Peer: "m9/0", Node: api.Node{ID: "there"}, Epoch: 1}},
	}, o.missing
}

// env returns the env of a guest in o.
func (o *outside) env(ctx context.Context, log *slog.Logger) *env {
	return &env{
		group: "m1", id: host.Identity{Name: "self", ID: "m1/0", Node: "here"}, config: map[string]string{"colour": "red"},
		log: log, caller: caller.New(ctx, o, o, nil, log, 100), replica: true,
	}
}

func startGuest(t *testing.T, o *outside, m *module, spec api.Spec, s *dms.Snapshot) (*guest, error) {
	t.Helper()
	x, err := newGuest(t.Context(), m, o.env(t.Context(), slog.New(slog.DiscardHandler)), &api.Group{ID: "m1", Name: "self", Spec: spec}, s)
	if err == nil {
		t.Cleanup(func() { x.close(errUnused) })
	}
	return x, err
}

func mustStart(t *testing.T, m *module, spec api.Spec) *guest {
	t.Helper()
	x, err := startGuest(t, &outside{}, m, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// tick calls the test guest's counter, and returns how often its state has seen
// that.
func tick(t *testing.T, x *guest) int {
	t.Helper()
	out, err := x.invoke(t.Context(), dms.Call{Method: "c"})
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	if err := abi.Decode(out, &b); err != nil {
		t.Fatal(err)
	}
	return int(binary.LittleEndian.Uint32(b)) / 2
}

func mustSnapshot(t *testing.T, x *guest) dms.Snapshot {
	t.Helper()
	s, err := x.snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func args(t testing.TB, v ...any) []byte {
	t.Helper()
	b, err := abi.Args(v...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// undone are the ways in which the host ends a call.
var undone = []struct {
	method string
	spec   api.Spec
	hurry  bool // with a deadline
	code   abi.Code
	msg    string
}{
	{method: "t", code: abi.Trap, msg: "trapped"},
	{method: "x", code: abi.Trap, msg: "exited with code 3"},
	{method: "l", spec: api.Spec{Fuel: 100_000}, code: abi.Fuel, msg: "fuel"},
	{method: "l", hurry: true, code: abi.Deadline, msg: "deadline"},
	{method: "G", spec: api.Spec{Memory: 1 << 20}, code: abi.MemoryLimit, msg: "1 MiB"},
	{method: "b", code: abi.BadReply, msg: "broken"},
}

func TestGuestGoesBackAfterAnUndoneCall(t *testing.T) {
	m := compiled(t, testguest.Binary())
	for _, u := range undone {
		for _, mode := range []struct {
			name, rollback string
			snapshots      bool // before the second of two calls
			state          abi.State
			msg            string
			left           int // of two calls
		}{
			{"before it, by default", "", false, abi.StateBefore, "the state is the one before the call", 2},
			{"before it", api.RollbackCall, true, abi.StateBefore, "the state is the one before the call", 2},
			{"first snapshot", api.RollbackSnapshot, false, abi.StateSnapshot, "the state is the last snapshot, calls since then are undone", 0},
			{"snapshot", api.RollbackSnapshot, true, abi.StateSnapshot, "calls since then are undone", 1},
		} {
			t.Run(u.method+" "+u.code.String()+" to "+mode.name, func(t *testing.T) {
				spec := u.spec
				spec.Rollback = mode.rollback
				x := mustStart(t, m, spec)
				tick(t, x)
				if mode.snapshots {
					mustSnapshot(t, x)
				}
				tick(t, x)
				before := x.version.Load()
				ctx := t.Context()
				if u.hurry {
					late, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
					defer cancel()
					ctx = late
				}
				_, err := x.invoke(ctx, dms.Call{Method: u.method})
				e := abi.AsError(err)
				if e == nil || e.Code != u.code || e.State != mode.state || !strings.Contains(e.Msg, u.msg) || !strings.Contains(e.Msg, mode.msg) {
					t.Errorf("got %q state %d: %v", abi.CodeOf(err), e.State, err)
				}
				if after := x.version.Load(); (after > before) != (mode.state == abi.StateSnapshot) {
					t.Errorf("version %d, was %d: it goes up if the state has changed", after, before)
				}
				if n := tick(t, x); n != mode.left+1 {
					t.Errorf("the state has %d calls, want %d", n-1, mode.left)
				}
			})
		}
	}
}

// Right after a snapshot both ways of going back are one.
func TestGuestUndoneRightAfterASnapshot(t *testing.T) {
	x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{Rollback: api.RollbackSnapshot})
	tick(t, x)
	mustSnapshot(t, x)
	for range 2 { // what was gone back to is a snapshot, too
		_, err := x.invoke(t.Context(), dms.Call{Method: "t"})
		if e := abi.AsError(err); e == nil || e.State != abi.StateBefore {
			t.Errorf("got %+v, want the state before the call", e)
		}
	}
	if n := tick(t, x); n != 2 {
		t.Errorf("the state has %d calls, want 1", n-1)
	}
}

// A readonly call that is undone takes no write before it along.
func TestGuestReadOnlyCallUndoneKeepsTheWriteBefore(t *testing.T) {
	x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{Rollback: api.RollbackCall})
	tick(t, x)
	_, err := x.invoke(t.Context(), dms.Call{Method: "t", ReadOnly: true})
	if e := abi.AsError(err); e == nil || e.State != abi.StateBefore {
		t.Errorf("got %+v, want the state before the call", e)
	}
	if n := tick(t, x); n != 2 {
		t.Errorf("the state has %d calls, want 1", n-1)
	}
}

func TestGuestVersionCountsWhatMayWrite(t *testing.T) {
	x := mustStart(t, compiled(t, conformance(t)), api.Spec{})
	for _, c := range []struct {
		call dms.Call
		up   uint64
		code abi.Code
	}{
		{dms.Call{Method: "count", Args: args(t, 1)}, 1, abi.OK},
		{dms.Call{Method: "label", ReadOnly: true}, 0, abi.OK},
		{dms.Call{Method: "fail", Args: args(t, "no")}, 1, abi.Application}, // it wrote first
		{dms.Call{Method: "count", Args: args(t, 1)}, 1, abi.OK},
	} {
		before := x.version.Load()
		_, err := x.invoke(t.Context(), c.call)
		if abi.CodeOf(err) != c.code || x.version.Load() != before+c.up {
			t.Errorf("%s: %v, version %d, was %d", c.call.Method, err, x.version.Load(), before)
		}
	}
	if out, err := x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, 0)}); err != nil || string(out) != "\x03" {
		t.Errorf("count = %x, %v: a failed call of the guest's own is not undone", out, err)
	}
}

// A guest that passes on what happened to another is not broken itself.
func TestGuestPassesOnATrap(t *testing.T) {
	o := &outside{invoke: func(dms.Call) ([]byte, error) {
		return nil, &abi.Error{Code: abi.Trap, State: abi.StateSnapshot, Msg: "the other trapped"}
	}}
	x, err := startGuest(t, o, compiled(t, conformance(t)), api.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, 5)})
	_, err = x.invoke(t.Context(), dms.Call{Method: "relay", Args: args(t, "other", "do", 1)})
	e := abi.AsError(err)
	if e == nil || e.Code != abi.Trap || e.State != abi.StateUnknown || e.Msg != "the other trapped" {
		t.Errorf("got %+v, want the other's trap, which says nothing of this one's state", e)
	}
	if out, err := x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, 0)}); err != nil || string(out) != "\x05" {
		t.Errorf("count = %x, %v: the state went back", out, err)
	}
}

// A caller would follow a replica to wherever a guest says.
func TestGuestMayNotSayMoved(t *testing.T) {
	moved := caller.MovedTo(api.Replica{Node: api.Node{ID: "evil", Addr: "10.0.0.1:1"}, Epoch: 99})
	x, err := startGuest(t, &outside{missing: moved}, compiled(t, conformance(t)), api.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.invoke(t.Context(), dms.Call{Method: "relay", Args: args(t, "other", "do", 1)}); abi.CodeOf(err) != abi.Application {
		t.Errorf("got %q: %v", abi.CodeOf(err), err)
	}
	if err := answered(moved); abi.CodeOf(err) != abi.Application || !strings.Contains(err.Error(), "not a guest's") {
		t.Errorf("answered(moved) = %v", err)
	}
}

func TestGuestReplace(t *testing.T) {
	m := compiled(t, conformance(t))
	x := mustStart(t, m, api.Spec{})
	add := func(n int) { x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, n)}) }
	add(3)
	s := mustSnapshot(t, x)
	add(4)
	replace := func(image []byte, version uint64) error {
		_, err := x.invoke(t.Context(), dms.Call{Verb: dms.Replace, Args: image, ID: version})
		return err
	}
	foreign := mustSnapshot(t, mustStart(t, compiled(t, counter(t)), api.Spec{}))
	for name, image := range map[string][]byte{"broken": s.Image[:len(s.Image)/2], "foreign": foreign.Image} {
		before := x.version.Load()
		if err := replace(image, 1); abi.CodeOf(err).Fate() != abi.NotRun || x.version.Load() != before {
			t.Errorf("%s image: %q %v", name, abi.CodeOf(err), err)
		}
	}
	if out, err := x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, 0)}); err != nil || string(out) != "\x07" {
		t.Errorf("count = %x, %v after images that were refused", out, err)
	}
	for _, version := range []uint64{s.Version, 1000} {
		before := x.version.Load()
		if err := replace(s.Image, version); err != nil {
			t.Fatal(err)
		}
		if v := x.version.Load(); v != max(before, version)+1 {
			t.Errorf("version %d after replacing %d by %d", v, before, version)
		}
	}
	if out, _ := x.invoke(t.Context(), dms.Call{Method: "count", Args: args(t, 0)}); string(out) != "\x03" {
		t.Errorf("count = %x, want the snapshot's 3", out)
	}
}

func TestGuestContinuesFromASnapshot(t *testing.T) {
	m := compiled(t, testguest.Binary())
	x := mustStart(t, m, api.Spec{})
	tick(t, x)
	tick(t, x)
	s := mustSnapshot(t, x)
	y, err := startGuest(t, &outside{}, m, api.Spec{}, &s)
	if err != nil {
		t.Fatal(err)
	}
	if y.version.Load() != s.Version {
		t.Errorf("version %d, want the snapshot's %d", y.version.Load(), s.Version)
	}
	if _, err := y.invoke(t.Context(), dms.Call{Method: "t"}); abi.AsError(err).State != abi.StateBefore {
		t.Errorf("the snapshot it began with is not what it goes back to: %v", err)
	}
	if n := tick(t, y); n != 3 {
		t.Errorf("it has seen %d calls, want 3", n)
	}
	if n := tick(t, x); n != 3 {
		t.Errorf("the first has seen %d calls, want 3: the two share memory", n)
	}
	if _, err := startGuest(t, &outside{}, m, api.Spec{}, &dms.Snapshot{Image: []byte("nonsense")}); err == nil {
		t.Error("it continues from nonsense")
	}
}

func TestGuestConstructorFails(t *testing.T) {
	m := compiled(t, conformance(t))
	for name, bad := range map[string][]byte{"wrong type": args(t, 7), "too many": args(t, "a", "b"), "no array": {5}} {
		if _, err := startGuest(t, &outside{}, m, api.Spec{Args: bad}, nil); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := startGuest(t, &outside{}, m, api.Spec{Memory: host.PageSize}, nil); err == nil {
		t.Error("it starts with less memory than it declares")
	}
}

// A brokenInstance has failed and cannot be put back, until it can.
type brokenInstance struct {
	host.Instance
	broken atomic.Bool
}

func (b *brokenInstance) Failed() bool { return b.broken.Load() }

func (b *brokenInstance) Usage() host.Usage { return host.Usage{} }

func (b *brokenInstance) Invoke(context.Context, abi.Kind, uint8, string, []byte) ([]byte, error) {
	b.broken.Store(true)
	return nil, abi.Errorf(abi.Trap, "it trapped")
}

func (b *brokenInstance) Restore(context.Context, *host.Image) error {
	return errors.New("no memory")
}

func TestGuestThatCannotGoBackSaysSo(t *testing.T) {
	x := &guest{inst: &brokenInstance{}, env: new(env)}
	_, err := x.invoke(t.Context(), dms.Call{Method: "m"})
	if abi.CodeOf(err) != abi.Internal || err.Error() != "it trapped; and the state cannot be put back: no memory" {
		t.Errorf("got %q %v", abi.CodeOf(err), err)
	}
}

// Close waits for the call inside, and turns away those who come.
func TestGuestClose(t *testing.T) {
	x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{})
	ctx, stop := context.WithCancel(t.Context())
	inside := make(chan error)
	go func() {
		_, err := x.invoke(ctx, dms.Call{Method: "l"})
		inside <- err
	}()
	eventually(t, "the call is inside", func() bool {
		x.turn.mu.Lock()
		defer x.turn.mu.Unlock()
		return x.turn.held
	})
	why := abi.Errorf(abi.Moved, "it went")
	done := make(chan bool)
	go func() { done <- x.close(why) }()
	eventually(t, "newcomers are turned away", func() bool {
		_, err := x.snapshot(t.Context())
		return errors.Is(err, why)
	})
	stop()
	if err := <-inside; abi.CodeOf(err) == abi.OK {
		t.Error("the call that never ends came to its end")
	}
	if !<-done || x.close(why) {
		t.Error("it is closed once")
	}
}
