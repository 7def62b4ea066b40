package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/kernel/client"
)

func init() { dms.Register("TestModulo", func() dms.DM { return &modulo{Shards: 3} }) }

// modulo divides the state by the first argument of a call, a number. Verbs go to all
// shards.
type modulo struct{ Shards int }

func (*modulo) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards, dms.Routes, dms.Membership, dms.Recovery}}
}

func (d *modulo) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) (out []byte, err error) {
		all := c.Replicas()
		slices.SortFunc(all, func(a, b dms.Replica) int { return strings.Compare(string(a.Peer), string(b.Peer)) })
		if call.Verb != "" {
			for _, r := range all {
				if out, err = c.Invoke(ctx, r, call); err != nil {
					return nil, err
				}
			}
			return out, nil
		}
		var args []int
		if err := abi.Decode(call.Args, &args); err != nil || len(args) == 0 {
			return nil, abi.Errorf(abi.BadArgument, "%s has no number to go by", call.Method)
		}
		return c.Invoke(ctx, all[args[0]%len(all)], call)
	}
}

func (d *modulo) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error {
		for len(g.Replicas()) < d.Shards {
			if _, err := g.Replicate(ctx, g.Nodes()[0]); err != nil {
				return err
			}
		}
		return nil
	})
}

// shards returns the kernels of each shard of a microservice, those that live.
func shards(t *testing.T, cl *client.Client, name string) (all [][]string) {
	t.Helper()
	g, err := cl.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range g.Shards {
		var on []string
		for _, r := range s.Replicas {
			if !r.Lost {
				on = append(on, r.Node.ID)
			}
		}
		all = append(all, on)
	}
	return all
}

// Three shards of two replicas each: a key is always at one shard, whose replicas take
// turns; a kernel that is killed is replaced in each shard by itself.
func TestShardsOfFrontEnds(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", conformance, "--name", "kv", "--args", `["x"]`, "--dm", "TestModulo(shards=3)", "--dm", "LoadBalancedFrontEnd(replicas=2)")
	cl := through(t, c, "k3")
	for i, on := range shards(t, cl, "kv") {
		if len(on) != 2 || on[0] == on[1] {
			t.Errorf("shard %d is on %v", i, on)
		}
	}
	for shard := range int64(3) {
		answers := map[int64]int{}
		for range 4 {
			answers[invoke[int64](t, cl, "kv", "count", 3+shard)]++
		}
		if answers[3+shard] != 2 || answers[2*(3+shard)] != 2 {
			t.Errorf("shard %d: of 4 calls to two replicas the answers were %v", shard, answers)
		}
	}
}
