package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func init() { dms.Register("Ring", func() dms.DM { return new(ring) }) }

// A ring divides the state: a call's first argument says which member it is for. Its parts
// say what they see of their level.
type ring struct{}

func (*ring) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards}, Verbs: []dms.Verb{"seen", "outer-note", "outer-kept"}}
}

type (
	greeting  struct{ Text string }
	greetings struct{ At, From, Text string }
)

func (*ring) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		var args []int
		if err := abi.Decode(call.Args, &args); err != nil || len(args) == 0 {
			return c.Invoke(ctx, c.Replicas()[0], call)
		}
		if call.Method == "" {
			call.Args = []byte{0x80}
		}
		return c.Invoke(ctx, c.Replicas()[args[0]&1], call)
	}
}

func (*ring) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	kept := dms.Keep(c, "outer", 0)
	changes := 0
	c.OnMembershipChange(func(context.Context) { changes++ })
	dms.Answer(c, func(_ context.Context, from dms.Peer, g greeting) (greetings, error) {
		return greetings{c.Here().ID, string(from), g.Text}, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		switch call.Verb {
		case "outer-note":
			*kept++
			return nil, nil
		case "outer-kept":
			return abi.Encode(*kept)
		case "seen":
			self, all := c.Self(), c.Replicas()
			heard := []string{}
			for _, r := range all {
				g, err := dms.Ask[greetings](ctx, c, r.Peer, greeting{"hello"})
				heard = append(heard, fmt.Sprint(g, " ", err))
			}
			return abi.Encode(fmt.Sprintf("%s@%s of %v@%v, %v@%v %v heard %s", self.Peer, self.Node.ID,
				all[0].Peer, all[0].Node.ID, all[1].Peer, all[1].Node.ID, changes > 0, strings.Join(heard, ", ")))
		}
		return next(ctx, call)
	}
}

// nested starts a microservice in two members, whose primaries are on k1 and k2, and returns
// its group and those of the members. The second of each is on the other kernel.
func (c *cluster) nested(spec api.Spec) (g api.Group, m [2]api.Group) {
	c.t.Helper()
	k := c.kernels
	g = c.group(c.t, k[0], "kv", conformance(c.t), spec)
	for i := range m {
		m[i] = g
		m[i].ID = fmt.Sprintf("%s/%d", g.ID, i)
		m[i].Replicas = []api.Replica{
			{Peer: m[i].ID + "/0", Node: k[i].node, Epoch: 1},
			{Peer: m[i].ID + "/1", Node: k[1-i].node, Epoch: 1},
		}
	}
	g.Nested = true
	g.Replicas = []api.Replica{{Peer: m[0].ID, Node: k[0].node}, {Peer: m[1].ID, Node: k[1].node}}
	c.do(func() { c.groups[g.ID], c.groups[m[0].ID], c.groups[m[1].ID] = g, m[0], m[1] })
	for i := range m {
		for _, r := range m[i].Replicas {
			at := k[slices.IndexFunc(k, func(k *Kernel) bool { return k.node.ID == r.Node.ID })]
			if _, err := tell[api.StartReply](c.testOMS, at, api.KernelStart, api.StartRequest{Group: m[i], Outer: []api.Group{g}, Peer: r.Peer, Epoch: 1}); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return g, m
}

func ringed() api.Spec {
	args, err := abi.Args("x")
	if err != nil {
		panic(err)
	}
	return api.Spec{DMs: []string{"Ring", "Probe"}, Args: args}
}

// The parts of a level see its members and are reached there; a message to a member comes
// to its primary.
func TestLevelsOfAReplica(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g, m := c.nested(ringed())
	seen := func(k *Kernel, member int) string {
		t.Helper()
		in, err := abi.Args(member)
		if err != nil {
			t.Fatal(err)
		}
		b, err := k.serveCall(context.Background(), nil, api.CallRequest{Name: "kv", Verb: "seen", Args: in})
		var s string
		if err == nil {
			err = abi.Decode(b.B, &s)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, k := range c.kernels {
		want(t, k, int64(3), "kv", "count", 3) // each at the primary of m1/1
		want(t, k, int64(6), "kv", "count", 3)
		want(t, k, int64(3), "kv", "count", -3)
		want(t, k, int64(0), "kv", "count", -3)
	}
	of := " of m1/0@k1, m1/1@k2 false heard {k1 %s hello} <nil>, {k2 %[1]s hello} <nil>"
	for i, at := range []string{"k1", "k2"} {
		self := fmt.Sprintf("m1/%d", i)
		if got, want := seen(k1, i), self+"@"+at+fmt.Sprintf(of, self); got != want {
			t.Errorf("an instance of %s sees %s\nwant %s", self, got, want)
		}
	}

	// Another primary of m1/1 changes what those of the outer level see, and where
	// messages go.
	m[1].Replicas = []api.Replica{m[1].Replicas[1], m[1].Replicas[0]}
	g.Replicas = []api.Replica{g.Replicas[0], {Peer: "m1/1", Node: k1.node}}
	g.Revision++
	m[1].Revision++
	c.do(func() { c.groups[g.ID], c.groups[m[1].ID] = g, m[1] })
	for _, k := range []*Kernel{k1, k2} {
		if _, err := tell[api.None](c.testOMS, k, api.KernelChanged, api.Changed{Groups: []api.Group{g, m[1]}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the outer level hears", func() bool { return strings.Contains(seen(k2, 1), " true heard") })
	want := "m1/1@k1 of m1/0@k1, m1/1@k1 true heard {k1 m1/1 hello} <nil>, {k1 m1/1 hello} <nil>"
	if got := seen(k2, 1); got != want {
		t.Errorf("sees %s\nwant %s", got, want)
	}
	if _, err := tell[api.None](c.testOMS, k2, api.KernelChanged, api.Changed{Groups: []api.Group{{ID: g.ID, Revision: 99}}}); err != nil {
		t.Fatal(err)
	}
}

// A verb that a guest sends to itself goes to its own shard, if it is for a DM within.
func TestVerbsToOneself(t *testing.T) {
	c := newCluster(t, 2)
	c.nested(ringed())
	r, err := c.kernels[0].find("m1/0/0")
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[dms.Verb]string{"note": "m1/0", "outer-note": "m1", "no one's": "m1/0"} {
		if got := r.home(v); got != want {
			t.Errorf("%s goes to %s, want %s", v, got, want)
		}
	}
	r.sendSelf(t.Context(), 1, []abi.Request{{Name: "note", Args: []byte{0x80}}})
	kept := func(k *Kernel, peer string) string {
		t.Helper()
		r, err := k.find(peer)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.call(t.Context(), 1, dms.Call{ID: 7, Verb: "kept"})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", out)
	}
	if k1, k2 := c.kernels[0], c.kernels[1]; kept(k1, "m1/0/0") != "1864" || kept(k2, "m1/1/0") != "00" {
		t.Errorf("m1/0 kept %s, m1/1 %s", kept(k1, "m1/0/0"), kept(k2, "m1/1/0"))
	}
	if env := r.guest.env; env.group != "m1" || env.id.ID != "m1/0/0" {
		t.Errorf("the guest waits as %s and is %s", env.group, env.id.ID)
	}
}

// A copy for another group has what the DMs outside keep, and nothing of those within.
func TestCopyForAnotherGroup(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g, m := c.nested(ringed())
	want(t, k1, int64(4), "kv", "count", 4)
	for _, v := range []string{"note", "outer-note"} {
		if _, err := verb(k1, "kv", v); err != nil {
			t.Fatal(err)
		}
	}
	fresh := m[0]
	fresh.ID = "m1/2"
	fresh.Replicas = []api.Replica{{Peer: "m1/2/0", Node: k2.node, Epoch: 1}}
	_, err := tell[api.SendReply](c.testOMS, k1, api.KernelSend, api.SendRequest{
		ReplicaRef: ref(m[0]), To: k2.node, Keep: true, Fresh: 1,
		Start: api.StartRequest{Group: fresh, Outer: []api.Group{g}, Peer: "m1/2/0", Epoch: 1, Resume: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tell[api.None](c.testOMS, k2, api.KernelOpen, ref(fresh)); err != nil {
		t.Fatal(err)
	}
	r, err := k2.find("m1/2/0")
	if err != nil {
		t.Fatal(err)
	}
	for v, want := range map[dms.Verb]string{"kept": "00", "outer-kept": "01"} {
		if out, err := r.call(t.Context(), 1, dms.Call{ID: 8, Verb: v}); err != nil || fmt.Sprintf("%x", out) != want {
			t.Errorf("%s: %x, %v, want %s", v, out, err, want)
		}
	}
	if out, err := r.call(t.Context(), 1, dms.Call{ID: 9, Method: "count", Args: []byte{0x81, 1}}); err != nil || fmt.Sprintf("%x", out) != "05" {
		t.Errorf("the state is not that of the primary: %x, %v", out, err)
	}
}
