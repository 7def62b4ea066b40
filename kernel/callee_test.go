package kernel

import (
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

// What an instance manager records at one replica leads another, by its own Replay, to
// the same state and the same answers; in another state it is undone and said so.
func TestRecordAndReplay(t *testing.T) {
	o := &outside{invoke: func(call dms.Call) ([]byte, error) { return call.Args[1:], nil }}
	x, y := pair(t, o, conformance(t))
	one := &callee{r: &replica{guest: x}, inner: x.invoke}
	two := &callee{r: &replica{guest: y}, inner: y.invoke}
	for _, call := range []dms.Call{
		{Method: "relay", Args: args(t, "other", "do", "what")},
		{Method: "time"},
		{Method: "dice", Args: args(t, 100)},
		{Method: "fail", Args: args(t, "no")},
		{Method: "trap"},
	} {
		out, record, err := one.Record(t.Context(), call)
		again, erragain := two.Replay(t.Context(), call, record)
		if string(again) != string(out) || abi.CodeOf(erragain) != abi.CodeOf(err) {
			t.Errorf("%s: %x, %v; and again %x, %v", call.Method, out, err, again, erragain)
		}
		if digest(t, x) != digest(t, y) {
			t.Errorf("after %s the states differ", call.Method)
		}
	}
	count := dms.Call{Method: "count", Args: args(t, 1)}
	_, record, err := one.Record(t.Context(), count)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Replay(t.Context(), dms.Call{Method: "time"}, record); abi.CodeOf(err) != abi.Internal {
		t.Errorf("a replay of another call: %v", err)
	}
	if _, err := two.Replay(t.Context(), count, []byte("no record")); err == nil {
		t.Error("a replay of bytes that are no record")
	}
	if _, err := two.Replay(t.Context(), count, record); err != nil || digest(t, x) != digest(t, y) {
		t.Errorf("what was undone has left traces: %v", err)
	}
}
