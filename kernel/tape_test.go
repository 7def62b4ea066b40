package kernel

import (
	"bytes"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
	"amino.run/internal/api"
)

// digest is that of the guest's state.
func digest(t *testing.T, x *guest) string {
	t.Helper()
	img, err := host.ParseImage(mustSnapshot(t, x).Image)
	if err != nil {
		t.Fatal(err)
	}
	return img.Digest()
}

// pair returns two guests in the same state; the second knows no one.
func pair(t *testing.T, o *outside, module []byte) (x, y *guest) {
	t.Helper()
	m := compiled(t, module)
	x, err := startGuest(t, o, m, api.Spec{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := mustSnapshot(t, x)
	o2 := &outside{invoke: func(call dms.Call) ([]byte, error) {
		t.Errorf("a replay calls %s", call.Method)
		return nil, nil
	}}
	if y, err = startGuest(t, o2, m, api.Spec{}, &s); err != nil {
		t.Fatal(err)
	}
	y.env.id = host.Identity{Name: "self", ID: "m1/1", Node: "there"}
	return x, y
}

func TestTapeLeadsAnotherReplicaToTheSameState(t *testing.T) {
	o := &outside{invoke: func(call dms.Call) ([]byte, error) { return call.Args[1:], nil }}
	x, y := pair(t, o, conformance(t))
	asked := []dms.Call{
		{Method: "count", Args: args(t, 5)},
		{Method: "relay", Args: args(t, "other", "do", "what")},
		{Method: "whoami"},
		{Method: "time"},
		{Method: "trap"},
		{Method: "dice", Args: args(t, 100)},
		{Method: "put", Args: args(t, "a", "b")},
		{Method: "fail", Args: args(t, "no")},
	}
	apply := func(x *guest, call func(dms.Call) ([]byte, error)) (answers []string) {
		for _, c := range asked {
			out, err := call(c)
			answers = append(answers, string(out)+" "+abi.CodeOf(err).String())
			if e := abi.AsError(err); e != nil {
				answers = append(answers, e.Msg)
			}
		}
		return answers
	}
	ctx, record := x.recording(t.Context())
	want := apply(x, func(c dms.Call) ([]byte, error) { return x.invoke(ctx, c) })
	if len(record().Bytes()) == 0 {
		t.Fatal("nothing was recorded")
	}
	r, err := host.ParseRecord(bytes.Clone(record().Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := y.replaying(t.Context(), r)
	got := apply(y, func(c dms.Call) ([]byte, error) { return y.invoke(ctx, c) })
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("answer %d is %q, was %q", k, got[k], want[k])
		}
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if digest(t, x) != digest(t, y) || x.version.Load() != y.version.Load() {
		t.Errorf("the states differ; versions %d and %d", x.version.Load(), y.version.Load())
	}
}

// A guest's tape is not that of another guest that its call reaches.
func TestTapeIsOfOneGuest(t *testing.T) {
	x, y := pair(t, &outside{}, testguest.Binary())
	ctx, record := x.recording(t.Context())
	if _, err := y.invoke(ctx, dms.Call{Method: "c"}); err != nil {
		t.Fatal(err)
	}
	if len(record().Bytes()) > 0 {
		t.Error("another guest's call was recorded")
	}
}

func TestTapeOfAnotherCall(t *testing.T) {
	x, y := pair(t, &outside{}, testguest.Binary())
	ctx, record := x.recording(t.Context())
	x.invoke(ctx, dms.Call{Method: "R"})
	x.invoke(ctx, dms.Call{Method: "c"})
	before := digest(t, y)
	ctx, done := y.replaying(t.Context(), record())
	_, err := y.invoke(ctx, dms.Call{Method: "m"})
	if e := abi.AsError(err); e == nil || e.Code != abi.Internal || e.State != abi.StateBefore {
		t.Errorf("got %+v", e)
	}
	if digest(t, y) != before {
		t.Error("it left a trace")
	}
	if e := done(); e != err {
		t.Errorf("in the end it says %v", e)
	}
	ctx, done = y.replaying(t.Context(), record())
	y.invoke(ctx, dms.Call{Method: "R"})
	if err := done(); abi.CodeOf(err) != abi.Internal || !strings.Contains(err.Error(), "more calls") {
		t.Errorf("there is a call left in the record: %v", err)
	}
}

// A record that does not lead to the state is none.
func TestTapeOfALostState(t *testing.T) {
	x := mustStart(t, compiled(t, testguest.Binary()), api.Spec{Rollback: api.RollbackSnapshot})
	ctx, record := x.recording(t.Context())
	tick(t, x)
	x.invoke(ctx, dms.Call{Method: "R"})
	if record() == nil {
		t.Fatal("nothing is lost yet")
	}
	x.invoke(ctx, dms.Call{Method: "t"})
	if r := record(); r != nil {
		t.Errorf("there is a record of %d bytes", len(r.Bytes()))
	}
}
