package caller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func init() { dms.Register("Tour", func() dms.DM { return new(tour) }) }

// A tour is a proxy whose verbs do what the kernel offers to proxies.
type tour struct{}

func (*tour) Concerns() dms.Concerns {
	return dms.Concerns{Verbs: []dms.Verb{"last", "unknown", "fetch", "run", "ask", "tell", "panic"}}
}

type note struct{ Text string }

func (*tour) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	dms.Answer(c, func(_ context.Context, from dms.Peer, n note) (note, error) {
		if n.Text == "panic" {
			panic("asked to")
		}
		return note{n.Text + " from " + string(from)}, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		all := c.Replicas()
		switch call.Verb {
		case "last":
			call.Verb = ""
			return c.Invoke(ctx, all[len(all)-1], call)
		case "unknown":
			return c.Invoke(ctx, dms.Replica{Peer: "m1/9"}, call)
		case "fetch":
			s, err := c.Fetch(ctx)
			return fmt.Appendf(nil, "version %d", s.Version), err
		case "run":
			_, err := c.Run(ctx, dms.Snapshot{})
			return nil, err
		case "ask":
			return c.Send(ctx, all[len(all)-1].Peer, "kind", nil)
		case "tell":
			return c.Send(ctx, dms.Coordinator, "kind", nil)
		case "panic":
			panic("the proxy fell over")
		}
		return next(ctx, call)
	}
}

// touring places the primary on k1 and another replica on k2.
func touring() *world {
	w := &world{answer: func(to api.Replica, _ dms.Call) ([]byte, error) { return []byte(to.Peer), nil }}
	w.place("k1", 1)
	w.group.Spec.DMs = []string{"Tour"}
	w.group.Replicas = append(w.group.Replicas, api.Replica{Peer: "m1/1", Node: api.Node{ID: "k2", Addr: "k2:1"}, Epoch: 1})
	return w
}

func TestProxyVerbs(t *testing.T) {
	w := touring()
	c := w.caller(t)
	for _, test := range []struct{ verb, out, err string }{
		{"last", "m1/1", ""},
		{"unknown", "", "counter has no replica m1/9 (the call did not run)"},
		{"fetch", "version 0", ""},
		{"run", "", "no copies here"},
		{"ask", "", ""},
		{"tell", "", ""},
		{"panic", "", "the proxy fell over"},
		{"fly", "", `unknown verb "fly"`},
	} {
		out, err := c.Call(t.Context(), "counter", dms.Call{Verb: dms.Verb(test.verb), Method: test.verb})
		if string(out) != test.out || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %q, %v", test.verb, out, err)
		}
	}
	if err := get(t, c); err != nil {
		t.Errorf("after all that: %v", err)
	}
	if got := strings.Join(w.calls, " "); got != "k2 k1" {
		t.Errorf("calls went to %s", got)
	}
}

// An outer Invoke follows its replica, not the primary.
func TestInvokeFollowsItsReplica(t *testing.T) {
	w := touring()
	w.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
		if to.Node.ID == "k2" {
			return nil, MovedTo(api.Replica{Node: api.Node{ID: "k3", Addr: "k3:1"}, Epoch: 2})
		}
		return []byte(to.Peer), nil
	}
	out, err := w.caller(t).Call(t.Context(), "counter", dms.Call{Verb: "last"})
	if err != nil || string(out) != "m1/1" || !slices.Equal(w.calls, []string{"k2", "k3"}) {
		t.Errorf("%q, %v, by way of %v", out, err, w.calls)
	}
}

func TestDeliverToAProxy(t *testing.T) {
	w := touring()
	c := w.caller(t)
	ask := func(group string, layer int, text string) (string, error) {
		body, err := abi.Encode(note{text})
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.Deliver(t.Context(), api.AskRequest{Group: group, Layer: layer, From: "m1/0", Kind: "caller.note", Body: body})
		var n note
		if err == nil {
			err = abi.Decode(out, &n)
		}
		return n.Text, err
	}
	if _, err := ask("m1", 0, "early"); !errors.Is(err, abi.ErrNotFound) {
		t.Errorf("before the first call: %v", err)
	}
	get(t, c)
	if out, err := ask("m1", 0, "hello"); err != nil || out != "hello from m1/0" {
		t.Errorf("%q, %v", out, err)
	}
	for _, layer := range []int{-1, 1} {
		if _, err := ask("m1", layer, "x"); !errors.Is(err, abi.ErrNotFound) {
			t.Errorf("layer %d: %v", layer, err)
		}
	}
	if _, err := ask("m1", 0, "panic"); abi.CodeOf(err) != abi.Internal {
		t.Errorf("a proxy that panics: %v", err)
	}
	gone := w.group
	gone.Replicas = nil
	c.Changed(gone)
	if _, err := ask("m1", 0, "late"); !errors.Is(err, abi.ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestRouteCannotBeBuilt(t *testing.T) {
	for name, spoil := range map[string]func(g *api.Group){
		"manifest": func(g *api.Group) { g.Manifest = []byte("{") },
		"chain":    func(g *api.Group) { g.Spec.DMs = []string{"NoSuchDM"} },
	} {
		w := touring()
		spoil(&w.group)
		c := w.caller(t)
		if err := get(t, c); err == nil {
			t.Errorf("%s: no error", name)
		}
		if w.group = touring().group; get(t, c) != nil {
			t.Errorf("%s: it is not tried again", name)
		}
	}
}

// Callers that come at once build one route; its proxies are built once.
func TestRouteIsSharedByThoseWhoComeAtOnce(t *testing.T) {
	w := touring()
	c := w.caller(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := c.Call(t.Context(), []string{"counter", "m1"}[i%2], dms.Call{Method: "get"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c.routes["counter"] != c.routes["m1"] || len(c.routes) != 2 {
		t.Errorf("%d routes", len(c.routes))
	}
}

// A call has an end: its own, its caller's, or that of the spec.
func TestCallDeadlines(t *testing.T) {
	for _, test := range []struct{ caller, spec, want time.Duration }{
		{0, 0, DefaultTimeout}, {0, 3 * time.Second, 3 * time.Second}, {time.Second, 3 * time.Second, time.Second}, {time.Hour, 0, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{}
			w.place("k1", 1)
			w.group.Spec.Timeout = test.spec
			ctx, cancel := context.WithCancel(t.Context())
			if test.caller > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), test.caller)
			}
			defer cancel()
			slow := &slowWorld{w}
			start := time.Now()
			_, err := New(t.Context(), slow, w, nil, nil, 1).Call(ctx, "counter", dms.Call{Method: "get"})
			if d := time.Since(start); d != test.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("caller %v, spec %v: ended after %v with %v", test.caller, test.spec, d, err)
			}
		})
	}
}

// A slowWorld never answers.
type slowWorld struct{ *world }

func (*slowWorld) Invoke(ctx context.Context, _ api.Replica, _ dms.Call) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestMovedTo(t *testing.T) {
	old := api.Replica{Peer: "m1/0", Node: api.Node{ID: "k1", Store: "s"}, Epoch: 1, Lost: true, Recovers: true}
	at, ok := movedTo(fmt.Errorf("wrapped: %w", MovedTo(api.Replica{Node: api.Node{ID: "k2", Addr: "[::1]:7001"}, Epoch: 1 << 63})), old)
	want := api.Replica{Peer: "m1/0", Node: api.Node{ID: "k2", Addr: "[::1]:7001"}, Epoch: 1 << 63, Recovers: true}
	if !ok || fmt.Sprint(at) != fmt.Sprint(want) {
		t.Errorf("read %+v, %v", at, ok)
	}
	for _, err := range []error{nil, errors.New("k2 a:1 5"), abi.ErrMoved, abi.Errorf(abi.Moved, "from kernel k1"), abi.Errorf(abi.NotFound, "k2 a:1 5")} {
		if _, ok := movedTo(err, old); ok {
			t.Errorf("%v says where it is", err)
		}
	}
}

// Late or wrong advice does not send a caller back.
func TestCallIsNotSentBackInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.place("k2", 5)
		misled := 0
		w.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
			if misled++; misled <= 3 {
				return nil, MovedTo(api.Replica{Node: api.Node{ID: "k1", Addr: "k1:1"}, Epoch: 4})
			}
			return nil, nil
		}
		if err := get(t, w.caller(t)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(w.calls, " "); got != "k2 k2 k2 k2" {
			t.Errorf("calls went to %s", got)
		}
	})
}
