package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// serve answers at addr until the test ends, or the function it returns is called.
func serve(t *testing.T, addr string, handle func(r *mux.Router)) (at string, stop func()) {
	t.Helper()
	r := mux.NewRouter()
	handle(r)
	s, err := mux.Listen(addr, "server", r.Serve)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(ctx)
	})
	t.Cleanup(stop)
	return s.Addr(), stop
}

// A world is an OMS that lists nodes.
type world struct {
	mu    sync.Mutex
	nodes []api.NodeStatus
	asked []string
}

func (w *world) set(nodes ...api.NodeStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = nodes
}

func (w *world) oms(r *mux.Router) {
	mux.Handle(r, api.OMSNodes, func(context.Context, *mux.Conn, api.None) ([]api.NodeStatus, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.nodes, nil
	})
	for _, name := range []string{api.OMSLookup, api.OMSDelete, api.OMSAttach, api.OMSDetach, api.OMSSnapshot} {
		mux.Handle(r, name, func(_ context.Context, _ *mux.Conn, ref api.Ref) (api.Group, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, name+" "+ref.Ref)
			return api.Group{Name: ref.Ref}, nil
		})
	}
	mux.Handle(r, api.OMSMigrate, func(_ context.Context, _ *mux.Conn, m api.MigrateRequest) (api.MigrateReply, error) {
		return api.MigrateReply{From: m.Ref, To: m.To}, nil
	})
	mux.Handle(r, api.OMSFork, func(_ context.Context, _ *mux.Conn, f api.ForkRequest) (api.Group, error) {
		return api.Group{ID: f.Ref, Name: f.Name}, nil
	})
	mux.Handle(r, api.OMSGetModule, func(_ context.Context, _ *mux.Conn, ref api.Ref) (api.Bytes, error) {
		return api.Bytes{B: []byte(ref.Ref)}, nil
	})
	mux.Handle(r, api.OMSPutModule, func(_ context.Context, _ *mux.Conn, b api.Bytes) (api.Module, error) {
		return api.Module{Size: len(b.B)}, nil
	})
	mux.Handle(r, api.OMSDeploy, func(_ context.Context, _ *mux.Conn, d api.DeployRequest) (api.Group, error) {
		return api.Group{Name: d.Spec.Name, Revision: d.Snapshot.Version}, nil
	})
	mux.Handle(r, api.OMSGroups, func(context.Context, *mux.Conn, api.None) ([]api.Group, error) {
		return []api.Group{{ID: "m1"}}, nil
	})
	mux.Handle(r, api.OMSModules, func(context.Context, *mux.Conn, api.None) ([]api.Module, error) {
		return []api.Module{{Digest: "d"}}, nil
	})
}

// kernel starts one that answers calls with its name, or an error.
func kernel(t *testing.T, id string, live bool) (api.NodeStatus, func()) {
	t.Helper()
	addr, stop := serve(t, "127.0.0.1:0", func(r *mux.Router) {
		mux.Handle(r, api.KernelCall, func(_ context.Context, _ *mux.Conn, req api.CallRequest) (api.Bytes, error) {
			switch req.Method + req.Verb {
			case "fail":
				return api.Bytes{}, abi.ErrConflict
			case "nothing":
				return api.Bytes{}, nil
			case "junk":
				return api.Bytes{B: []byte{0xff}}, nil
			}
			b, err := abi.Encode(fmt.Sprintf("%s %s.%s%s%x", id, req.Name, req.Method, req.Verb, req.Args))
			return api.Bytes{B: b}, err
		})
	})
	return api.NodeStatus{Node: api.Node{ID: id, Addr: addr}, Live: live}, stop
}

func dial(t *testing.T, w *world) *Client {
	t.Helper()
	addr, _ := serve(t, "127.0.0.1:0", w.oms)
	c, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// by returns which kernel makes the client's calls.
func by(t *testing.T, c *Client) string {
	t.Helper()
	s, err := Invoke[string](t.Context(), c, "name", "who")
	if err != nil {
		return abi.CodeOf(err).String()
	}
	id, _, _ := strings.Cut(s, " ")
	return id
}

func TestClientKeepsToOneLiveKernel(t *testing.T) {
	w := &world{}
	k1, _ := kernel(t, "k1", false)
	k2, _ := kernel(t, "k2", true)
	k3, _ := kernel(t, "k3", true)
	w.set(k1, k2, k3)
	c := dial(t, w)
	if got := by(t, c); got != "k2" {
		t.Errorf("the first call went through %s, want the first that is live", got)
	}
	k1.Live = true
	w.set(k1, k3)
	if got := by(t, c); got != "k2" {
		t.Errorf("the second call went through %s, want the same", got)
	}
	if err := c.Through(t.Context(), "k3"); err != nil {
		t.Error(err)
	}
	if got := by(t, c); got != "k3" {
		t.Errorf("went through %s, want k3 as told", got)
	}
	if err := c.Through(t.Context(), "k9"); abi.CodeOf(err) != abi.NotFound || !strings.Contains(err.Error(), "no kernel k9") {
		t.Errorf("through one that is not there: %v", err)
	}
	if got := by(t, c); got != "k3" {
		t.Errorf("went through %s after that", got)
	}
}

func TestClientGoesOnWhenItsKernelDies(t *testing.T) {
	w := &world{}
	k1, stop1 := kernel(t, "k1", true)
	k2, stop2 := kernel(t, "k2", true)
	w.set(k1, k2)
	c := dial(t, w)
	if got := by(t, c); got != "k1" {
		t.Fatalf("went through %s", got)
	}
	stop1() // and the OMS does not know yet
	var through []string
	for range 3 {
		through = append(through, by(t, c))
	}
	if i := slices.Index(through, "k2"); i < 0 || i > 1 || through[2] != "k2" {
		t.Errorf("went through %v, want k2 after one error at most", through)
	}
	stop2()
	for range 2 {
		if _, err := c.Call(t.Context(), "name", "who", nil); abi.CodeOf(err) != abi.Unavailable {
			t.Errorf("no kernel answers: %v", err)
		}
	}
	w.set()
	_, err := c.Verb(t.Context(), "name", "migrate", nil)
	if abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "no kernel is live") {
		t.Errorf("no kernel is live: %v", err)
	}
}

// What a verb began is at one kernel. Calls do not go on outside of it, through another
// kernel or the same one started again, before their client was told.
func TestClientIsToldThatItsKernelDied(t *testing.T) {
	w := &world{}
	k1, stop1 := kernel(t, "k1", true)
	k2, stop2 := kernel(t, "k2", true)
	w.set(k1, k2)
	c := dial(t, w)
	for i, stop := range []func(){stop1, stop2} {
		if _, err := c.Verb(t.Context(), "name", "begin", nil); err != nil {
			t.Fatal(err)
		}
		conn, err := c.kernel(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stop()
		<-conn.Done()
		if i == 1 { // started again
			serve(t, k2.Addr, func(r *mux.Router) {
				mux.Handle(r, api.KernelCall, func(context.Context, *mux.Conn, api.CallRequest) (api.Bytes, error) {
					b, err := abi.Encode("k2 again")
					return api.Bytes{B: b}, err
				})
			})
		}
		_, err = c.Call(t.Context(), "name", "who", nil)
		if abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "not sent: this client's kernel was lost") {
			t.Errorf("the first call after its kernel died: %v", err)
		}
		if i == 0 {
			if got := by(t, c); got != "k2" {
				t.Errorf("the second went through %s, want k2", got)
			}
		}
	}
}

func TestClientWithoutAnOMS(t *testing.T) {
	addr, stop := serve(t, "127.0.0.1:0", (&world{}).oms)
	stop()
	if _, err := Dial(t.Context(), addr); abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "no OMS answers at "+addr) {
		t.Errorf("Dial = %v", err)
	}
}

// The OMS may go away and come back; calls need it only for another kernel.
func TestClientOutlivesAnOMS(t *testing.T) {
	w := &world{}
	k1, _ := kernel(t, "k1", true)
	w.set(k1)
	addr, stop := serve(t, "127.0.0.1:0", w.oms)
	c, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := by(t, c); got != "k1" {
		t.Fatalf("went through %s", got)
	}
	stop()
	if _, err := c.Nodes(t.Context()); abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("Nodes = %v", err)
	}
	if got := by(t, c); got != "k1" {
		t.Errorf("without the OMS a call went through %s", got)
	}
	serve(t, addr, w.oms)
	for { // a failed dialling is not repeated at once
		nodes, err := c.Nodes(t.Context())
		if err == nil && len(nodes) == 1 {
			break
		}
		if abi.CodeOf(err) != abi.Unavailable {
			t.Fatalf("Nodes = %v, %v", nodes, err)
		}
	}
}

func TestInvoke(t *testing.T) {
	w := &world{}
	k1, _ := kernel(t, "k1", true)
	w.set(k1)
	c := dial(t, w)
	if s, err := Invoke[string](t.Context(), c, "kv", "put", "a", 1); err != nil || s != "k1 kv.put82616101" {
		t.Errorf("%q, %v", s, err)
	}
	if n, err := Invoke[int](t.Context(), c, "kv", "put"); abi.CodeOf(err) != abi.BadArgument || n != 0 {
		t.Errorf("a text as a number: %d, %v", n, err)
	}
	if s, err := Invoke[string](t.Context(), c, "kv", "nothing"); err != nil || s != "" {
		t.Errorf("no value: %q, %v", s, err)
	}
	if _, err := Invoke[any](t.Context(), c, "kv", "junk"); err == nil {
		t.Error("junk was read")
	}
	if _, err := Invoke[any](t.Context(), c, "kv", "fail"); abi.CodeOf(err) != abi.Conflict {
		t.Errorf("its error: %v", err)
	}
	if _, err := Invoke[any](t.Context(), c, "kv", "put", make(chan int)); abi.CodeOf(err) != abi.BadArgument {
		t.Errorf("an argument without a form: %v", err)
	}
	if b, err := c.Verb(t.Context(), "kv", "migrate", []byte{0x80}); err != nil || !strings.Contains(string(b), "k1 kv.migrate80") {
		t.Errorf("a verb: %q, %v", b, err)
	}
}

func TestControl(t *testing.T) {
	w := &world{}
	c, ctx := dial(t, w), t.Context()
	check := func(what string, got any, want string, err error) {
		t.Helper()
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s = %v, %v; want %s", what, got, err, want)
		}
	}
	g, err := c.Lookup(ctx, "a")
	check("Lookup", g.Name, "a", err)
	g, err = c.Attach(ctx, "b")
	check("Attach", g.Name, "b", err)
	check("Detach", nil, "<nil>", c.Detach(ctx, "c"))
	check("Delete", nil, "<nil>", c.Delete(ctx, "d"))
	_, err = c.Snapshot(ctx, "e")
	check("Snapshot", nil, "<nil>", err)
	w.mu.Lock()
	asked := fmt.Sprint(w.asked)
	w.mu.Unlock()
	check("asked", asked, "[oms.lookup a oms.attach b oms.detach c oms.delete d oms.snapshot e]", nil)
	m, err := c.Migrate(ctx, "f", "k2")
	check("Migrate", m.From+" "+m.To, "f k2", err)
	g, err = c.Fork(ctx, "g", "h")
	check("Fork", g.ID+" "+g.Name, "g h", err)
	b, err := c.GetModule(ctx, "digest")
	check("GetModule", string(b), "digest", err)
	mod, err := c.PutModule(ctx, make([]byte, 300_000))
	check("PutModule", mod.Size, "300000", err)
	g, err = c.Deploy(ctx, Spec{Name: "i"}, &Snapshot{Version: 7})
	check("Deploy", fmt.Sprint(g.Name, " ", g.Revision), "i 7", err)
	all, err := c.Groups(ctx)
	check("Groups", all[0].ID, "m1", err)
	mods, err := c.Modules(ctx)
	check("Modules", mods[0].Digest, "d", err)
}
