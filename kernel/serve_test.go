package kernel

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
)

func TestServeCallChecksAtTheEdge(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	c.deploy(k1, "kv", conformance(t), probing("Probe"))
	for _, test := range []struct {
		req  api.CallRequest
		code abi.Code
		msg  string
	}{
		{api.CallRequest{Name: "nobody", Method: "get"}, abi.NotFound, "no microservice nobody"},
		{api.CallRequest{Name: "kv", Method: "gte"}, abi.UnknownMethod, `kv has no method "gte"; it has [`},
		{api.CallRequest{Name: "kv", Method: ""}, abi.UnknownMethod, `no method ""`},
		{api.CallRequest{Name: "kv", Method: "get"}, abi.BadArgument, "get takes 1 argument (key: string), got 0"},
		{api.CallRequest{Name: "kv", Method: "get", Args: args(t, 7)}, abi.BadArgument, "argument 1 (key) of get is 7, want string"},
		{api.CallRequest{Name: "kv", Method: "get", Args: []byte{0xff}}, abi.BadArgument, "not CBOR"},
		{api.CallRequest{Name: "kv", Verb: "fly"}, abi.UnknownVerb, `unknown verb "fly": the chain [Probe] understands`},
	} {
		_, err := k2.serveCall(t.Context(), nil, test.req)
		if abi.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.msg) {
			t.Errorf("%+v: %q %v, want %q", test.req, abi.CodeOf(err), err, test.msg)
		}
	}
	if n := kept(t, k1, "kv"); n != 0 {
		t.Errorf("%d calls arrived in spite of that", n)
	}
	for _, name := range []string{"kv", "m1"} { // the arguments may be left out
		out, err := k2.serveCall(t.Context(), nil, api.CallRequest{Name: name, Method: "whoami"})
		if err != nil || string(out.B) != "\x62kv" {
			t.Errorf("%s: %q, %v", name, out.B, err)
		}
	}
}

func TestServeAsk(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	c.deploy(k1, "probed", conformance(t), api.Spec{DMs: []string{"KeepNothing", "Probe"}})
	want(t, k2, "none", "probed", "label") // k2 has a proxy now, and k1 not
	question := func(k *Kernel, to string, layer int, kind string) (reply, error) {
		b, err := k.serveAsk(t.Context(), nil, api.AskRequest{Group: "m1", Layer: layer, From: "@k2", To: to, Kind: kind, Body: []byte{0xa0}})
		var r reply
		if err == nil {
			err = abi.Decode(b.B, &r)
		}
		return r, err
	}
	const kind = "kernel.question"
	if r, err := question(k1, "m1/0", 1, kind); err != nil || r != (reply{1, "@k2"}) {
		t.Errorf("the instance answers %+v, %v", r, err)
	}
	if r, err := question(k2, "@k2", 1, kind); err != nil || r != (reply{-1, "@k2"}) {
		t.Errorf("the proxy answers %+v, %v", r, err)
	}
	for _, test := range []struct {
		k     *Kernel
		to    string
		layer int
		kind  string
		code  abi.Code
	}{
		{k1, "@k1", 1, kind, abi.NotFound},  // no proxy of it here
		{k2, "@k2", 0, kind, abi.NotFound},  // the layer has none
		{k2, "@k2", 9, kind, abi.NotFound},  // nor is there such a layer
		{k1, "m1/0", 0, kind, abi.Refused},  // the layer has no instance manager
		{k1, "m1/0", -2, kind, abi.Refused}, // nor is there such a layer
		{k1, "m1/0", 9, kind, abi.Refused},
		{k1, "m1/0", 1, "what", abi.Refused},
		{k2, "m1/0", 1, kind, abi.Moved},
		{k2, "", 1, kind, abi.Moved},
	} {
		if _, err := question(test.k, test.to, test.layer, test.kind); abi.CodeOf(err) != test.code {
			t.Errorf("%s asked for %s at %q, layer %d: %q %v, want %q", test.k.node.ID, test.kind, test.to, test.layer, abi.CodeOf(err), err, test.code)
		}
	}
}

// A message finds its way from any kernel to any part.
func TestAskReaches(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "probed", conformance(t), probing("Probe"))
	want(t, k2, "none", "probed", "label")
	c.do(func() {
		c.answer = func(m api.AskRequest) ([]byte, error) { return []byte(m.Kind + " of " + m.From), nil }
	})
	// Kernels know each other by what the OMS tells them.
	for _, k := range c.kernels {
		if _, err := tell[api.None](c.testOMS, k, api.KernelChanged, api.Changed{Nodes: []api.Node{k1.node, k2.node}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		to   string
		from *Kernel
		code abi.Code
	}{
		{"m1/0", k1, abi.OK}, {"m1/0", k2, abi.OK}, {"@k2", k1, abi.OK}, {"@k2", k2, abi.OK},
		{"", k1, abi.OK}, {"@k9", k1, abi.Unavailable}, {"m1/7", k1, abi.NotFound},
	} {
		out, err := test.from.Ask(t.Context(), &g, api.AskRequest{Group: "m1", From: "tester", To: test.to, Kind: "kernel.question", Body: []byte{0xa0}})
		if abi.CodeOf(err) != test.code {
			t.Errorf("from %s to %q: %v", test.from.node.ID, test.to, err)
		}
		if test.to == "" && string(out) != "kernel.question of tester" {
			t.Errorf("the coordinator answers %q", out)
		}
	}
}

func TestServeChanged(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "grows", conformance(t), api.Spec{})
	want(t, k2, "none", "grows", "label")
	tellAll := func(g api.Group) {
		for _, k := range c.kernels {
			if _, err := tell[api.None](c.testOMS, k, api.KernelChanged, api.Changed{Groups: []api.Group{g}}); err != nil {
				t.Error(err)
			}
		}
	}
	bigger := g
	bigger.Replicas = append(slices.Clone(g.Replicas), api.Replica{Peer: "m1/1", Node: k2.node, Epoch: 1})
	bigger.Revision = 5
	late := g
	late.Revision = 3
	tellAll(bigger)
	tellAll(late)
	r, _ := k1.find("m1/0")
	if n := len(r.Replicas()); n != 2 {
		t.Errorf("the replica knows %d replicas", n)
	}
	if known, _, err := k2.caller.Group(t.Context(), "grows"); err != nil || len(known.Replicas) != 2 {
		t.Errorf("the caller knows %+v, %v", known, err)
	}
	k2.mu.Lock()
	k2.moved["m1/0"], k2.moved["m11/0"] = g.Replicas[0], g.Replicas[0]
	k2.mu.Unlock()
	lookups := c.count("k2 oms.lookup grows")
	gone := g
	gone.Replicas, gone.Revision = nil, 9
	c.do(func() { delete(c.groups, g.ID) })
	tellAll(gone)
	if _, err := k2.Call(t.Context(), "grows", "label", []byte{0x80}); !errors.Is(err, abi.ErrNotFound) || c.count("k2 oms.lookup grows") != lookups+1 {
		t.Errorf("a caller still knows what is deleted: %v", err)
	}
	k2.mu.Lock()
	defer k2.mu.Unlock()
	if _, ok := k2.moved["m11/0"]; !ok || len(k2.moved) != 1 {
		t.Errorf("k2 remembers the moves %v", k2.moved)
	}
}

func TestServeStatus(t *testing.T) {
	c := newCluster(t, 1)
	k := c.kernels[0]
	c.deploy(k, "busy", counter(t), api.Spec{})
	for range 3 {
		try[int64](k, "busy", "add", 1)
	}
	all, err := tell[[]api.ReplicaStatus](c.testOMS, k, api.KernelStatus, api.None{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if s := all[0]; s.Peer != "m1/0" || s.Name != "busy" || s.Epoch != 1 || s.Version != 3 || s.Calls != 3 || s.Memory == 0 {
		t.Errorf("%+v", s)
	}
}

func TestServeInspect(t *testing.T) {
	c := newCluster(t, 1)
	c.group(t, c.kernels[0], "known", counter(t), api.Spec{})
	garbage := []byte("no module")
	c.do(func() { c.modules[digestOf(garbage)] = garbage })
	in, err := tell[api.Inspection](c.testOMS, c.kernels[0], api.KernelInspect, api.Ref{Ref: digestOf(counter(t))})
	var m abi.Manifest
	if err == nil {
		err = json.Unmarshal(in.Manifest, &m)
	}
	if err != nil || m.Name != "counter" || len(m.Methods) != 2 {
		t.Errorf("%s, %v", in.Manifest, err)
	}
	for digest, code := range map[string]abi.Code{digestOf(garbage): abi.BadArgument, digestOf(nil): abi.NotFound} {
		if _, err := tell[api.Inspection](c.testOMS, c.kernels[0], api.KernelInspect, api.Ref{Ref: digest}); abi.CodeOf(err) != code {
			t.Errorf("%.8s: %q %v, want %q", digest, abi.CodeOf(err), err, code)
		}
	}
}
