package oms_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/oms"
)

// dialed joins a kernel of the test network to an OMS over a real stream.
func dialed(t *testing.T, k *kernel, addr string) *mux.Conn {
	t.Helper()
	c, err := mux.Dial(t.Context(), addr, k.node.ID, k.router.Serve)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := mux.Call[api.JoinReply](t.Context(), c, api.OMSJoin, api.JoinRequest{Node: k.node, Incarnation: k.inc}); err != nil {
		t.Fatal(err)
	}
	return c
}

// serve serves the network's OMS and returns its address.
func serve(t *testing.T, n *network) string {
	t.Helper()
	s, err := oms.Serve("127.0.0.1:0", n.oms)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s.Addr()
}

func TestServeEverything(t *testing.T) {
	n := newNetwork(t)
	addr := serve(t, n)
	k1, k2 := n.kernel("k1", "region=eu"), n.kernel("k2", "")
	k1.connect()
	k2.connect()
	dialed(t, k1, addr)
	dialed(t, k2, addr)
	c, err := mux.Dial(t.Context(), addr, "", mux.NewRouter().Serve)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	manifest, err := json.Marshal(abi.Manifest{ABI: 1, Name: "kv"})
	if err != nil {
		t.Fatal(err)
	}
	m := call[api.Module](t, c, api.OMSPutModule, api.Bytes{B: manifest})
	if got := call[api.Bytes](t, c, api.OMSGetModule, api.Ref{Ref: m.Digest[:8]}); string(got.B) != string(manifest) {
		t.Errorf("the module is %q", got.B)
	}
	g := call[api.Group](t, c, api.OMSDeploy, api.DeployRequest{Spec: api.Spec{Module: m.Digest[:8]}})
	if g.Name != "kv" || g.Replicas[0].Node.ID != "k1" {
		t.Errorf("deployed %s", showGroup(g))
	}
	k1.save("m1/0", 7)
	moved := call[api.MigrateReply](t, c, api.OMSMigrate, api.MigrateRequest{Ref: "kv", To: "k2"})
	if moved.From != "k1" || moved.To != "k2" || moved.Pause <= 0 || moved.Bytes != 100 {
		t.Errorf("moved %+v", moved)
	}
	if s := call[api.Snapshot](t, c, api.OMSSnapshot, api.Ref{Ref: "m1"}); string(s.Image) != "7" || s.Module != m.Digest {
		t.Errorf("the snapshot is %+v", s)
	}
	if f := call[api.Group](t, c, api.OMSFork, api.ForkRequest{Ref: "kv", Name: "kv-2"}); f.ID != "m2" {
		t.Errorf("forked %s", showGroup(f))
	}
	if g := call[api.Group](t, c, api.OMSAttach, api.Ref{Ref: "kv"}); g.Refs != 2 {
		t.Errorf("attached %s", showGroup(g))
	}
	call[api.None](t, c, api.OMSDetach, api.Ref{Ref: "kv"})
	if g := call[api.Group](t, c, api.OMSLookup, api.Ref{Ref: "kv"}); g.Refs != 1 || g.Replicas[0].Node.ID != "k2" {
		t.Errorf("found %s", showGroup(g))
	}
	call[api.None](t, c, api.OMSDetach, api.Ref{Ref: "kv"})
	call[api.None](t, c, api.OMSDelete, api.Ref{Ref: "m2"})
	if all := call[[]api.Group](t, c, api.OMSGroups, api.None{}); len(all) != 0 {
		t.Errorf("left are %v", all)
	}
	if all := call[[]api.Module](t, c, api.OMSModules, api.None{}); len(all) != 1 || all[0].Digest != m.Digest {
		t.Errorf("modules are %v", all)
	}
	nodes := call[[]api.NodeStatus](t, c, api.OMSNodes, api.None{})
	if !slices.EqualFunc(nodes, []string{"k1", "k2"}, func(n api.NodeStatus, id string) bool { return n.ID == id && n.Live }) {
		t.Errorf("nodes are %v", nodes)
	}
	for name, err := range map[string]error{
		api.OMSLookup: abi.ErrNotFound, api.OMSDetach: abi.ErrNotFound, api.OMSGetModule: abi.ErrNotFound,
	} {
		if _, got := mux.Call[api.None](t.Context(), c, name, api.Ref{Ref: "nothing"}); !errors.Is(got, err) || !strings.Contains(got.Error(), "nothing") {
			t.Errorf("%s: %v; want %v", name, got, err)
		}
	}
}

func call[Resp, Req any](t *testing.T, c *mux.Conn, name string, req Req) Resp {
	t.Helper()
	resp, err := mux.Call[Resp](t.Context(), c, name, req)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return resp
}
