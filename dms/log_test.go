package dms_test

import (
	"errors"
	"fmt"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

func TestLeaderOf(t *testing.T) {
	known := dms.NotLeader("m7/2/1")
	for name, c := range map[string]struct {
		err  error
		want dms.Peer
	}{
		"known":             {known, "m7/2/1"},
		"wrapped":           {fmt.Errorf("kv.add: %w", known), "m7/2/1"},
		"after the wire":    {&abi.Error{Code: abi.NotLeader, Msg: known.Error()}, "m7/2/1"},
		"not known":         {dms.NotLeader(""), ""},
		"another code":      {abi.Errorf(abi.Unavailable, "%v", known), ""},
		"another's message": {abi.ErrNotLeader, ""},
		"none":              {nil, ""},
	} {
		if got := dms.LeaderOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if !errors.Is(known, abi.ErrNotLeader) || !errors.Is(dms.NotLeader(""), abi.ErrNotLeader) {
		t.Error("not of code not leader")
	}
}
