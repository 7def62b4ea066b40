package dms_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"amino.run/dms"
)

// sharder divides the state; owns and has are further traits.
type sharder struct {
	tracer
	owns, has []dms.Trait
}

func newSharder(owns ...dms.Trait) *sharder {
	return &sharder{tracer: tracer{name: "S", trace: new([]string)}, owns: append(owns, dms.Shards), has: []dms.Trait{dms.Spreads}}
}

func (s *sharder) Concerns() dms.Concerns { return dms.Concerns{Owns: s.owns, Has: s.has} }

func TestLevels(t *testing.T) {
	a, s, b := &tracer{name: "A"}, newSharder(), &tracer{name: "B"}
	for _, c := range []struct {
		chain dms.Chain
		want  []dms.Level
	}{
		{dms.Chain{}, []dms.Level{{0, 0}}},
		{dms.Chain{a, b}, []dms.Level{{0, 2}}},
		{dms.Chain{a, s}, []dms.Level{{0, 2}}}, // no one after it: its members are replicas
		{dms.Chain{a, s, b}, []dms.Level{{0, 2}, {2, 3}}},
		{dms.Chain{s, s, a, b}, []dms.Level{{0, 1}, {1, 2}, {2, 4}}},
	} {
		if got := c.chain.Levels(); !slices.Equal(got, c.want) {
			t.Errorf("levels of %d DMs: %v, want %v", len(c.chain), got, c.want)
		}
	}
	chain := dms.Chain{a, s, b}
	if l := chain.LevelOf("m7/2"); l != (dms.Level{From: 2, To: 3}) || !chain.Nests("m7") || chain.Nests("m7/2") {
		t.Errorf("m7/2 has the level %v; m7 nests: %v, m7/2 nests: %v", l, chain.Nests("m7"), chain.Nests("m7/2"))
	}
}

// A level has its own proxies and coordinators, and knows the verbs of all.
func TestLevelParts(t *testing.T) {
	var trace []string
	s := newSharder()
	s.trace = &trace
	chain := dms.Chain{&tracer{"A", "", &trace}, s, &tracer{"B", "undo", &trace}}
	at := func(int, dms.Handler) dms.Caller { return nil }
	inner := chain.Proxy(chain.LevelOf("m7/2"), at, func(context.Context, dms.Call) ([]byte, error) { return nil, nil })
	outer := chain.Proxy(chain.LevelOf("m7"), at, inner)
	if _, err := outer(t.Context(), dms.Call{Verb: "undo"}); err != nil || strings.Join(trace, " ") != "A.proxy S.proxy B.proxy" {
		t.Errorf("%v; passed %v", err, trace)
	}
	trace = nil
	chain.Coordinate(chain.LevelOf("m7"), func(int) dms.Group { return nil })
	trace = append(trace, "|")
	chain.Coordinate(chain.LevelOf("m7/2"), func(int) dms.Group { return nil })
	if got := strings.Join(trace, " "); got != "A.coordinator S.coordinator | B.coordinator" {
		t.Errorf("coordinators: %s", got)
	}
}

// Only a DM that shards may stand before another that decides the same, and it may not
// stand after it.
func TestShardsComeFirst(t *testing.T) {
	d := newSharder(dms.Routes, dms.Membership, dms.Recovery)
	last := func(specs ...string) dms.Chain { return append(parse(t, specs...), d) }
	first := func(specs ...string) dms.Chain { return append(dms.Chain{d}, parse(t, specs...)...) }
	for _, c := range []struct {
		chain dms.Chain
		want  []string // what the error says; nil for none
	}{
		{first("LoadBalancedFrontEnd"), nil},
		{first("LeaseCaching"), nil},
		{first("PeriodicCheckpoint"), nil},
		{first("SerializableRPC"), nil}, // each shard has an order
		{first("KeepInCloud", "SerializableRPC", "PeriodicCheckpoint"), nil},
		{append(first("KeepInCloud"), last("AtLeastOnceRPC")[0]), []string{"AtLeastOnceRPC must come before *dms_test.sharder"}},
		{last("AtLeastOnceRPC"), nil},
		{last("LoadBalancedFrontEnd"), []string{"*dms_test.sharder must come before LoadBalancedFrontEnd: both decide", "write [*dms_test.sharder, LoadBalancedFrontEnd]"}},
		{last("AtLeastOnceRPC", "LoadBalancedFrontEnd(replicas=4)"), []string{"write [AtLeastOnceRPC, *dms_test.sharder, LoadBalancedFrontEnd(replicas=4)]"}},
		{last("LeaseCaching"), []string{"write [*dms_test.sharder, LeaseCaching]"}},
		{last("SerializableRPC"), []string{"*dms_test.sharder must come before SerializableRPC: ", "write [*dms_test.sharder, SerializableRPC]"}},
		{first("ExplicitCheckpoint", "PeriodicCheckpoint"), []string{"cannot be in one chain: both decide what is left"}},
		{append(parse(t, "ExplicitCheckpoint"), first("PeriodicCheckpoint")...), []string{"cannot be in one chain: both decide what is left"}},
		{append(parse(t, "KeepInPlace"), first("LoadBalancedFrontEnd")...), []string{"needs a node for each replica"}},
	} {
		err := dms.Check(c.chain)
		if err == nil && c.want == nil {
			continue
		}
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("Check(%v) = %v; it should say %q", c.chain, err, part)
			}
		}
		if c.want == nil {
			t.Errorf("Check(%v) = %v", c.chain, err)
		}
	}
}
