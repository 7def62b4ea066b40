package oms_test

import (
	"context"
	"testing"
	"testing/synctest"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// shards divides the state among members, on the nodes with the fewest replicas, and
// replaces one that is lost.
type shards struct{ Shards int }

func (*shards) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards, dms.Membership, dms.Recovery}}
}

func (d *shards) Coordinator(g dms.Group) {
	grow := func(ctx context.Context) error {
		for len(g.Replicas()) < d.Shards {
			if _, err := g.Replicate(ctx, g.Nodes()[0]); err != nil {
				return err
			}
		}
		return nil
	}
	g.OnCreate(grow)
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return grow(ctx)
	})
	at := func(i int) dms.Replica { return g.Replicas()[i] }
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, do toShard) (string, error) {
		switch do.What {
		case "move":
			return "", g.Move(ctx, at(do.Shard), dms.Node{ID: do.Node})
		case "promote":
			return "", g.Promote(ctx, at(do.Shard))
		case "remove":
			return "", g.Remove(ctx, at(do.Shard))
		}
		return dms.Ask[string](ctx, g, at(do.Shard).Peer, do)
	})
}

// toShard is what the coordinator is asked to do with one of its members.
type toShard struct {
	What  string
	Shard int
	Node  string
}

// To a coordinator whose members are groups, one is where its primary is: what it does
// with the member it does with that, and its messages go there.
func TestCoordinatorOfShards(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		k2, k3 := n.joined("k2", ""), n.joined("k3", "")
		synctest.Wait()
		g := n.mustDeploy("kv", "TestShards(shards=2)", "TestGrow(replicas=2)")
		p := proxy{n: n, group: g.ID}
		do := func(do toShard) string {
			t.Helper()
			out, err := dms.Ask[string](t.Context(), p, dms.Coordinator, do)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		where := func(want string) {
			t.Helper()
			g, err := n.oms.Lookup(t.Context(), api.Ref{Ref: "kv"})
			if got := showGroup(g); err != nil || got != want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, want)
			}
		}
		k3.answers = func(req api.AskRequest) ([]byte, error) {
			return abi.Encode(req.Group + " " + req.To + " at " + req.At)
		}
		where("m1 kv rev=2 refs=1 m1/0@k1 e0 m1/1@k3 e0\n" +
			"  m1/0 kv rev=2 refs=1 m1/0/0@k1 e1 m1/0/1@k2 e1\n" +
			"  m1/1 kv rev=2 refs=1 m1/1/0@k3 e1 m1/1/1@k1 e1")
		if got := do(toShard{What: "ask", Shard: 1}); got != "m1 m1/1 at m1/1/0" {
			t.Errorf("the message reached %q", got)
		}
		do(toShard{What: "move", Shard: 1, Node: "k2"})
		do(toShard{What: "promote", Shard: 1})
		where("m1 kv rev=4 refs=1 m1/1@k2 e0 m1/0@k1 e0\n" +
			"  m1/1 kv rev=3 refs=1 m1/1/0@k2 e2 m1/1/1@k1 e1\n" +
			"  m1/0 kv rev=2 refs=1 m1/0/0@k1 e1 m1/0/1@k2 e1")
		do(toShard{What: "remove", Shard: 1})
		where("m1 kv rev=5 refs=1 m1/1@k2 e0\n" +
			"  m1/1 kv rev=3 refs=1 m1/1/0@k2 e2 m1/1/1@k1 e1")
		synctest.Wait()
		if got := k2.show(); got != "k2: m1/1/0=0 e2" {
			t.Errorf("what is left is %s", got)
		}
		k2.mu.Lock()
		defer k2.mu.Unlock()
		if len(k2.groups["m1/0"].Replicas) > 0 || len(k2.groups["m1"].Replicas) != 1 {
			t.Errorf("k2 was told %v and %v", k2.groups["m1"], k2.groups["m1/0"])
		}
		if _, err := dms.Ask[string](t.Context(), p, dms.Coordinator, toShard{What: "remove"}); abi.CodeOf(err) != abi.Conflict {
			t.Errorf("the last shard was removed: %v", err)
		}
	})
}
