package caller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func init() { dms.Register("Fan", func() dms.DM { return new(fan) }) }

// A fan divides the state: a call with an argument goes to the member of that number. Its
// verbs do what the kernel offers to proxies whose members are groups.
type fan struct{}

func (*fan) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Shards}, Verbs: []dms.Verb{"fan-fetch", "fan-ask", "fan-gone"}}
}

func (*fan) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		all := c.Replicas()
		switch call.Verb {
		case "fan-fetch":
			s, err := c.Fetch(ctx)
			return s.Image, err
		case "fan-ask":
			return c.Send(ctx, all[len(all)-1].Peer, "kind", nil)
		case "fan-gone":
			return c.Invoke(ctx, dms.Replica{Peer: "m1/9"}, call)
		}
		if len(call.Args) > 1 {
			return c.Invoke(ctx, all[call.Args[1]], call)
		}
		return next(ctx, call)
	}
}

// A nest is a world in which the members of m1 are groups of two replicas, each on a
// kernel of its own.
type nest struct {
	world
	groups map[string]api.Group
	asked  []string
}

func newNest() *nest {
	n := &nest{groups: map[string]api.Group{}}
	n.answer = func(to api.Replica, _ dms.Call) ([]byte, error) { return []byte(to.Peer), nil }
	on := func(peer string) api.Node {
		id := "k" + strings.ReplaceAll(peer[3:], "/", "")
		return api.Node{ID: id, Addr: id + ":1"}
	}
	n.place("k00", 1)
	g := n.group
	g.Spec.DMs = []string{"Fan", "Tour"}
	for _, id := range []string{"m1/0", "m1/1"} {
		m := g
		m.ID, m.Replicas = id, []api.Replica{{Peer: id + "/0", Node: on(id + "/0"), Epoch: 1}, {Peer: id + "/1", Node: on(id + "/1"), Epoch: 1}}
		n.groups[id] = m
	}
	g.Nested, g.Replicas = true, []api.Replica{{Peer: "m1/0", Node: on("m1/0/0")}, {Peer: "m1/1", Node: on("m1/1/0")}}
	n.groups["m1"] = g
	return n
}

func (n *nest) Lookup(_ context.Context, ref string) (api.Group, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups++
	if ref == "counter" {
		ref = "m1"
	}
	if g, ok := n.groups[ref]; ok {
		return g, nil
	}
	return api.Group{}, abi.ErrNotFound
}

func (n *nest) Fetch(_ context.Context, to api.Replica) (api.Snapshot, error) {
	return api.Snapshot{Image: []byte(to.Peer)}, nil
}

func (n *nest) Ask(_ context.Context, g *api.Group, m api.AskRequest) ([]byte, error) {
	n.asked = append(n.asked, strings.Join([]string{g.ID, m.Group, m.To, m.At}, " "))
	if m.At == "m1/1/0" && len(n.asked) == 1 {
		return nil, abi.ErrMoved // it is tried again
	}
	return []byte(m.At), nil
}

func (n *nest) newCaller(t *testing.T) *Caller { return New(t.Context(), n, n, nil, nil, 100) }

// A call passes the proxies of the microservice and those of the member they name; to
// these, the members of the member are all there is.
func TestCallsPassTheProxiesOfEachLevel(t *testing.T) {
	n := newNest()
	c := n.newCaller(t)
	for _, test := range []struct {
		verb   dms.Verb
		args   string
		reach  string
		reason string
	}{
		{"", "\x80", "m1/0/0", ""}, // the first member's primary
		{"", "\x81\x00", "m1/0/0", ""},
		{"", "\x81\x01", "m1/1/0", ""},
		{"last", "\x81\x01", "m1/1/1", ""}, // a proxy within
		{"last", "\x80", "m1/0/1", ""},
		{"fetch", "\x81\x01", "version 0", ""},
		{"fan-fetch", "", "m1/0/0", ""},
		{"ask", "\x81\x01", "", ""},
		{"fan-gone", "", "", "counter has no replica m1/9 (the call did not run)"},
		{"unknown", "\x81\x01", "", "counter has no replica m1/9 (the call did not run)"},
		{"fly", "", "", `unknown verb "fly"`},
	} {
		method := "get"
		if test.verb != "" {
			method = ""
		}
		out, err := c.Call(t.Context(), "counter", dms.Call{Verb: test.verb, Method: method, Args: []byte(test.args)})
		if string(out) != test.reach || (err == nil) != (test.reason == "") || err != nil && !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s %x: %q, %v", test.verb, test.args, out, err)
		}
	}
	if len(c.routes) != 4 { // m1 by two names, and two members
		t.Errorf("%d routes", len(c.routes))
	}
	// Of a member, its own ID; of those within, theirs: a message finds them there.
	if !slices.Equal(n.asked, []string{"m1/1 m1/1 m1/1/1 "}) {
		t.Errorf("asked %v", n.asked)
	}
	n.asked = nil
	if out, err := c.Call(t.Context(), "counter", dms.Call{Verb: "fan-ask"}); err != nil || string(out) != "m1/1/0" {
		t.Errorf("%q, %v", out, err)
	}
	if want := "m1/1 m1 m1/1 m1/1/0"; !slices.Equal(n.asked, []string{want, want}) {
		t.Errorf("asked %v", n.asked)
	}
}

// A member is no microservice: who calls it goes by the proxies around it, but for what its
// own guest sends itself.
func TestMembersAreNotCalled(t *testing.T) {
	n := newNest()
	c := n.newCaller(t)
	if _, err := c.Call(t.Context(), "m1/1", dms.Call{Method: "get"}); abi.CodeOf(err) != abi.BadArgument || !strings.Contains(err.Error(), "m1/1 is a shard of counter") {
		t.Errorf("a call of a member: %v", err)
	}
	if err := get(t, c); err != nil || c.routes["counter"] != c.routes["m1"] {
		t.Errorf("the member took the name: %v", err)
	}
	if out, err := c.CallWithin(t.Context(), "m1/1", dms.Call{Verb: "last"}); err != nil || string(out) != "m1/1/1" {
		t.Errorf("from within: %q, %v", out, err)
	}
	_, err := c.Call(t.Context(), "m1", dms.Call{Method: "get", Path: []string{"m1"}})
	if !errors.Is(err, abi.ErrReentrant) {
		t.Errorf("a microservice that waits for itself: %v", err)
	}
}

// What a kernel hears, or finds out, of a group within is of that alone.
func TestMembersChange(t *testing.T) {
	n := newNest()
	c := n.newCaller(t)
	to := func(i byte) (string, error) {
		out, err := c.Call(t.Context(), "counter", dms.Call{Method: "get", Args: []byte{0x81, i}})
		return string(out), err
	}
	to(0)
	to(1)
	g := n.groups["m1/1"]
	g.Revision++
	g.Replicas = []api.Replica{g.Replicas[1], g.Replicas[0]}
	c.Changed(g)
	if out, err := to(1); err != nil || out != "m1/1/1" {
		t.Errorf("another primary: %q, %v", out, err)
	}
	if out, err := to(0); err != nil || out != "m1/0/0" {
		t.Errorf("the other member: %q, %v", out, err)
	}

	// The member ends while callers have not heard of it.
	outer := n.groups["m1"]
	outer.Revision++
	outer.Replicas = []api.Replica{outer.Replicas[0], {Peer: "m1/2", Node: outer.Replicas[1].Node}}
	fresh := g
	fresh.ID, fresh.Replicas = "m1/2", []api.Replica{{Peer: "m1/2/0", Node: g.Replicas[0].Node, Epoch: 1}}
	n.groups = map[string]api.Group{"m1": outer, "m1/0": n.groups["m1/0"], "m1/2": fresh}
	n.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
		if strings.HasPrefix(to.Peer, "m1/1/") {
			return nil, abi.ErrMoved
		}
		return []byte(to.Peer), nil
	}
	for range 2 { // as a member that is gone, and then as one that never was
		if _, err := to(1); abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "counter has no shard m1/1 any more (the call did not run)") {
			t.Errorf("a member that has ended: %v", err)
		}
	}
	if out, err := to(1); err != nil || out != "m1/2/0" {
		t.Errorf("the member in its place: %q, %v", out, err)
	}
}

// A member that is lost as a whole is looked up anew at each call; others are called.
func TestMemberLost(t *testing.T) {
	n := newNest()
	g := n.groups["m1"]
	g.Replicas = slices.Clone(g.Replicas)
	g.Replicas[0].Lost = true
	lost := n.groups["m1"]
	n.groups["m1"] = g
	c := n.newCaller(t)
	if err := get(t, c); abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "the call did not run") {
		t.Errorf("a lost member: %v", err)
	}
	if out, err := c.Call(t.Context(), "counter", dms.Call{Method: "get", Args: []byte{0x81, 1}}); err != nil || string(out) != "m1/1/0" {
		t.Errorf("the other: %q, %v", out, err)
	}
	lost.Revision++
	n.groups["m1"] = lost // it is found again
	if err := get(t, c); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}
