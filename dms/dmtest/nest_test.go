package dmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A divider sends a number to the shard of its remainder, and gathers lists.
type divider struct {
	shards int
	lost   []dms.Peer // what its coordinator heard of
}

func (*divider) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards, dms.Membership}}
}

func (d *divider) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		var args, all []int
		if err := abi.Decode(call.Args, &args); err != nil {
			return nil, err
		}
		members := c.Replicas()
		if len(args) > 0 {
			return c.Invoke(ctx, members[args[0]%len(members)], call)
		}
		for _, m := range members {
			out, err := c.Invoke(ctx, m, call)
			if err != nil {
				return nil, err
			}
			var list []int
			if err := abi.Decode(out, &list); err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
		return abi.Encode(all)
	}
}

type whoIs struct{ Of dms.Peer }

func (d *divider) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	dms.Answer(c, func(ctx context.Context, from dms.Peer, q whoIs) (string, error) {
		if q.Of != "" {
			return dms.Ask[string](ctx, c, q.Of, whoIs{})
		}
		return fmt.Sprintf("%s on %s, asked by %s", c.Self().Peer, c.Self().Node.ID, from), nil
	})
	return next
}

func (d *divider) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error { return dms.Grow(ctx, g, d.shards) })
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		d.lost = append(d.lost, lost.Peer)
		return g.Remove(ctx, lost)
	})
}

// A doubler keeps two replicas.
type doubler struct{}

func (doubler) Concerns() dms.Concerns { return dms.Concerns{Owns: []dms.Trait{dms.Membership}} }

func (doubler) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error { return dms.Grow(ctx, g, 2) })
	g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return dms.Grow(ctx, g, 2)
	})
}

// places says where the replicas of each member are: "a b, b a".
func places(cl *Cluster) string {
	var all []string
	for _, m := range cl.shards() {
		all = append(all, strings.Join(m.Where(), " "))
	}
	return strings.Join(all, ", ")
}

func TestShardsAreGroups(t *testing.T) {
	d := &divider{shards: 2}
	inBubble(t, dms.Chain{d, doubler{}}, func(t *testing.T, cl *Cluster) {
		if got := places(cl); got != "a b, b a" {
			t.Errorf("the replicas are on %s", got)
		}
		c := cl.Client("c")
		c.Add(t, 0, 1, 2, 3)
		c.Want(t, 0, 2, 1, 3)

		// A part of the outer level is where its member's primary is, and is told of members.
		m := cl.replicas()
		ask := func(to, of dms.Peer) string {
			t.Helper()
			s, err := dms.Ask[string](t.Context(), c.parts[0], to, whoIs{of})
			if err != nil {
				t.Error(err)
			}
			return s
		}
		if got, want := ask(m[1].Peer, ""), fmt.Sprintf("%s on b, asked by @c", m[1].Peer); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got, want := ask(m[0].Peer, m[1].Peer), fmt.Sprintf("%s on b, asked by %s", m[1].Peer, m[0].Peer); got != want {
			t.Errorf("%s, want %s", got, want)
		}

		// Moves are of a member's primary.
		g := &group{cl.master().parts[0], cl.master()}
		if err := g.Move(t.Context(), m[1], cl.node("d").Node); err != nil || places(cl) != "a b, d a" || g.Replicas()[1].Node.ID != "d" {
			t.Errorf("%v: the replicas are on %s", err, places(cl))
		}
		if err := cl.Move("c"); err != nil || places(cl) != "c b, d a" {
			t.Errorf("%v: the replicas are on %s", err, places(cl))
		}
		if err := g.Promote(t.Context(), m[1]); err != nil || places(cl) != "d a, c b" {
			t.Errorf("%v: the replicas are on %s", err, places(cl))
		}
	})
}

// A member repairs itself; that it is lost as a whole the outer level hears, also after
// the OMS was away.
func TestShardsFail(t *testing.T) {
	d := &divider{shards: 2}
	inBubble(t, dms.Chain{d, doubler{}}, func(t *testing.T, cl *Cluster) {
		c := cl.Client("d")
		c.Add(t, 0, 1)
		cl.RestartOMS()
		cl.Kill("b")
		time.Sleep(NodeLease + time.Second)
		if got := places(cl); got != "a c, a c" || len(d.lost) > 0 {
			t.Errorf("the replicas are on %s, and the outer level heard of %v", got, d.lost)
		}
		second := dms.Peer(cl.shards()[1].id)
		cl.StopOMS()
		for _, r := range cl.shards()[1].members() {
			r.end() // no node fails, and all of it is lost
		}
		cl.StartOMS()
		if got := places(cl); got != "a c" || !slices.Equal(d.lost, []dms.Peer{second}) {
			t.Errorf("the replicas are on %s, and the outer level heard of %v", got, d.lost)
		}
		c.Want(t, 0)
	})
}

// All levels say where a replica may be; to one within, its origin is its own.
func TestShardsArePlaced(t *testing.T) {
	inBubble(t, dms.Chain{&divider{shards: 3}, pinned{}}, func(t *testing.T, cl *Cluster) {
		if got := places(cl); got != "a, b, c" {
			t.Errorf("the replicas are on %s", got)
		}
		WantError(t, cl.Move("d"), abi.ErrPlacement)
	})
	inBubble(t, dms.Chain{pinned{}, &divider{shards: 3}, doubler{}}, func(t *testing.T, cl *Cluster) {
		if got := places(cl); got != "a" { // Grow wants a node for each
			t.Errorf("the replicas are on %s", got)
		}
	})
}

type pinned struct{}

func (pinned) Coordinator(g dms.Group) {
	g.Allow(func(n dms.Node) bool { return n.ID == g.Origin().ID })
}
