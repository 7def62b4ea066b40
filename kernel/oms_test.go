package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// A testOMS is a directory, a membership and a store of modules, behind a real
// server. Tests set what it says.
type testOMS struct {
	addr   string
	mu     sync.Mutex
	server *mux.Server
	ttl    time.Duration
	refuse error                                  // answers joins and renewals, if not nil
	joined func()                                 // runs while a join waits for its answer
	answer func(m api.AskRequest) ([]byte, error) // of coordinators

	last    int                  // number of a group
	groups  map[string]api.Group // by ID
	modules map[string][]byte
	members map[string]uint64 // incarnations
	nodes   map[string]api.Node
	conns   map[string]*mux.Conn
	rtt     map[string]map[string]time.Duration // as reported, by node and peer
	heard   []string                            // what was asked: "node name ref"
}

func newTestOMS(t testing.TB) *testOMS {
	t.Helper()
	o := &testOMS{
		addr: "127.0.0.1:0", ttl: time.Minute,
		groups: map[string]api.Group{}, modules: map[string][]byte{}, members: map[string]uint64{},
		nodes: map[string]api.Node{}, conns: map[string]*mux.Conn{}, rtt: map[string]map[string]time.Duration{},
	}
	o.start(t)
	t.Cleanup(o.stop)
	return o
}

// start serves, at the same address as before.
func (o *testOMS) start(t testing.TB) {
	t.Helper()
	r := mux.NewRouter()
	mux.Handle(r, api.OMSJoin, o.join)
	mux.Handle(r, api.OMSRenew, o.renew)
	mux.Handle(r, api.OMSLookup, o.lookup(api.OMSLookup))
	mux.Handle(r, api.OMSSettle, o.lookup(api.OMSSettle))
	mux.Handle(r, api.OMSAsk, o.ask)
	mux.Handle(r, api.OMSGetModule, o.module)
	s, err := mux.Listen(o.addr, "oms", r.Serve)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.server, o.addr = s, s.Addr()
}

// stop ends the server; what it knows stays.
func (o *testOMS) stop() {
	o.mu.Lock()
	s := o.server
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Close(ctx)
}

// do changes what the OMS says.
func (o *testOMS) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *testOMS) join(_ context.Context, from *mux.Conn, req api.JoinRequest) (api.JoinReply, error) {
	o.mu.Lock()
	wait := o.joined
	o.mu.Unlock()
	if wait != nil {
		wait()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, req.Node.ID+" join")
	if o.refuse != nil {
		return api.JoinReply{}, o.refuse
	}
	o.members[req.Node.ID], o.nodes[req.Node.ID], o.conns[req.Node.ID] = req.Incarnation, req.Node, from
	return api.JoinReply{TTL: o.ttl, Nodes: slices.Collect(maps.Values(o.nodes))}, nil
}

func (o *testOMS) renew(_ context.Context, from *mux.Conn, req api.RenewRequest) (api.RenewReply, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, req.Node+" renew")
	for peer, d := range req.RTT {
		if o.rtt[req.Node] == nil {
			o.rtt[req.Node] = map[string]time.Duration{}
		}
		o.rtt[req.Node][peer] = d
	}
	switch {
	case o.refuse != nil:
		return api.RenewReply{}, o.refuse
	case o.members[req.Node] != req.Incarnation:
		return api.RenewReply{}, abi.ErrNotFound
	}
	o.conns[req.Node] = from
	return api.RenewReply{TTL: o.ttl}, nil
}

func (o *testOMS) lookup(name string) func(context.Context, *mux.Conn, api.Ref) (api.Group, error) {
	return func(_ context.Context, from *mux.Conn, ref api.Ref) (api.Group, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.heard = append(o.heard, from.Peer()+" "+name+" "+ref.Ref)
		for _, g := range o.groups {
			if g.ID == ref.Ref || g.Name == ref.Ref && !strings.Contains(g.ID, "/") {
				return g, nil
			}
		}
		return api.Group{}, abi.Errorf(abi.NotFound, "no microservice %s", ref.Ref)
	}
}

func (o *testOMS) ask(_ context.Context, _ *mux.Conn, m api.AskRequest) (api.Bytes, error) {
	o.mu.Lock()
	f := o.answer
	o.mu.Unlock()
	if f == nil {
		return api.Bytes{}, abi.ErrRefused
	}
	b, err := f(m)
	return api.Bytes{B: b}, err
}

func (o *testOMS) module(_ context.Context, from *mux.Conn, ref api.Ref) (api.Bytes, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = append(o.heard, from.Peer()+" module")
	if b, ok := o.modules[ref.Ref]; ok {
		return api.Bytes{B: b}, nil
	}
	return api.Bytes{}, abi.ErrNotFound
}

// count returns how often something was asked.
func (o *testOMS) count(what string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, h := range o.heard {
		if h == what {
			n++
		}
	}
	return n
}

// tell sends a control message to a kernel, as the OMS does.
func tell[Resp, Req any](o *testOMS, to *Kernel, name string, req Req) (Resp, error) {
	o.mu.Lock()
	conn := o.conns[to.node.ID]
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return mux.Call[Resp](ctx, conn, name, req)
}

// group writes down a new microservice with one replica at k.
func (o *testOMS) group(t testing.TB, k *Kernel, name string, wasm []byte, spec api.Spec) api.Group {
	t.Helper()
	manifest, err := json.Marshal(compiled(t, wasm).manifest)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	digest := digestOf(wasm)
	o.modules[digest] = wasm
	o.last++
	id := fmt.Sprintf("m%d", o.last)
	spec.Name, spec.Module = name, digest
	g := api.Group{
		ID: id, Name: name, Spec: spec, Manifest: manifest, Origin: k.node, Revision: 1,
		Replicas: []api.Replica{{Peer: id + "/0", Node: k.node, Epoch: 1}},
	}
	o.groups[id] = g
	return g
}

// place writes down that the primary is at k in the next epoch.
func (o *testOMS) place(g *api.Group, k *Kernel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	g.Replicas = slices.Clone(g.Replicas)
	g.Replicas[0].Node, g.Replicas[0].Epoch = k.node, g.Replicas[0].Epoch+1
	g.Revision++
	o.groups[g.ID] = *g
}
