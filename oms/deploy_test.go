package oms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"amino.run/abi"
	"amino.run/internal/api"
)

func TestDeployRefuses(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "region=eu")
		digest := n.module("test")
		n.mustDeploy("taken")
		other := n.module("test", "TestPin")
		for _, test := range []struct {
			name string
			req  api.DeployRequest
			code abi.Code
			want string
		}{
			{"no module", api.DeployRequest{}, abi.BadArgument, "names no module"},
			{"unknown module", api.DeployRequest{Spec: api.Spec{Module: "abcdef12"}}, abi.NotFound, `no module "abcdef12"`},
			{"short digest", api.DeployRequest{Spec: api.Spec{Module: digest[:5]}}, abi.NotFound, "at least 6 digits"},
			{"name", api.DeployRequest{Spec: api.Spec{Module: digest, Name: "No Name"}}, abi.BadArgument, "not a name"},
			{"taken", api.DeployRequest{Spec: api.Spec{Module: digest, Name: "taken"}}, abi.Exists, "is taken by m1"},
			{"DM", api.DeployRequest{Spec: api.Spec{Module: digest, DMs: []string{"Nothing"}}}, abi.Refused, "Nothing"},
			{"field", api.DeployRequest{Spec: api.Spec{Module: digest, DMs: []string{"TestTier(x=1)"}}}, abi.Refused, `no field "x"`},
			{"selector", api.DeployRequest{Spec: api.Spec{Module: digest, Selector: api.Selector{{}}}}, abi.BadArgument, "empty term"},
			{"nowhere", api.DeployRequest{Spec: api.Spec{Module: digest, Selector: api.Selector{{{Key: "region", Op: api.Equal, Values: []string{"us"}}}}}}, abi.Placement, "region=us, unlike k1 (region=eu)"},
			{"rollback", api.DeployRequest{Spec: api.Spec{Module: digest, Rollback: "never"}}, abi.BadArgument, `unknown rollback "never"`},
			{"timeout", api.DeployRequest{Spec: api.Spec{Module: digest, Timeout: -1}}, abi.BadArgument, "negative"},
			{"snapshot", api.DeployRequest{Spec: api.Spec{Module: digest}, Snapshot: &api.Snapshot{Module: other}}, abi.BadArgument, "the snapshot is of module"},
		} {
			_, err := n.oms.Deploy(context.Background(), test.req)
			if abi.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v (%v); want %v, %q", test.name, err, abi.CodeOf(err), test.code, test.want)
			}
		}
		if all := n.oms.Groups(); len(all) != 1 {
			t.Errorf("there are %v", all)
		}
	})
}

// What a spec does not say, the manifest does.
func TestDeployTakesTheManifest(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		digest := n.module("counter", "TestDurable", "TestPin")
		for _, test := range []struct {
			spec api.Spec
			name string
			dms  string
		}{
			{api.Spec{Module: digest[:8]}, "counter", "[TestDurable TestPin]"},
			{api.Spec{Module: digest, Name: "bare", DMs: []string{}}, "bare", "[]"},
			{api.Spec{Module: digest, Name: "own", DMs: []string{"TestCount"}}, "own", "[TestCount]"},
		} {
			g, err := n.oms.Deploy(context.Background(), api.DeployRequest{Spec: test.spec})
			if err != nil || g.Name != test.name || fmt.Sprint(g.Spec.DMs) != test.dms || g.Spec.Module != digest || g.Origin.ID != "k1" || g.Created.IsZero() {
				t.Errorf("%+v: %+v, %v", test.spec, g, err)
			}
		}
	})
}

// A constructor that fails, or a kernel that is gone, leaves nothing behind.
func TestDeployIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		for _, f := range []fault{refusing, unsent, unheard} {
			k.fail(api.KernelStart, f)
			if _, err := n.deploy("kv"); err == nil || !strings.Contains(err.Error(), "start kv on k1") {
				t.Errorf("fault %d: %v", f, err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := n.oms.Deploy(ctx, api.DeployRequest{Spec: api.Spec{Module: n.module("test"), Name: "kv"}}); err == nil {
			t.Error("deployed for a client that went away")
		}
		if got := n.show(); got != "k1: \n" {
			t.Errorf("left\n%s", got)
		}
		g := n.mustDeploy("kv")
		if g.ID == "m1" {
			t.Error("an ID was used again")
		}
	})
}

// A microservice whose kernel fails while it is being created does not come to be.
func TestDeployOnAKernelThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		digest := n.module("test")
		k.slow = 20e9
		k.onSlow = k.kill
		_, err := n.oms.Deploy(context.Background(), api.DeployRequest{Spec: api.Spec{Module: digest, Name: "kv"}})
		if !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if all := n.oms.Groups(); len(all) != 0 {
			t.Errorf("there are %v", all)
		}
	})
}

func TestRestoreFromASnapshot(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		g := n.mustDeploy("kv")
		k.save("m1/0", 41)
		s, err := n.oms.Snapshot(context.Background(), api.Ref{Ref: "kv"})
		if err != nil {
			t.Fatal(err)
		}
		s.Cells = []api.Cells{{"of": {1}}, {"another chain": {1}}}
		k.save("m1/0", 42)
		if err := n.oms.Delete(context.Background(), api.Ref{Ref: g.ID}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.oms.Deploy(context.Background(), api.DeployRequest{Spec: api.Spec{Name: "kv"}, Snapshot: &s}); err != nil {
			t.Fatal(err)
		}
		if got := n.show(); !strings.Contains(got, "k1: m2/0=41 e1") {
			t.Errorf("restored\n%s", got)
		}
		if k.cells != 0 {
			t.Errorf("given %d layers of cells of another chain", k.cells)
		}
	})
}

// TestHammer has many deploy the same few names, move, fork and delete them, while
// kernels come and go and the OMS crashes. Then all agree.
func TestHammer(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "").node.Store = "s"
		for _, id := range []string{"k2", "k3"} {
			n.kernel(id, "").node.Store = "s"
			if err := n.kernels[id].join(); err != nil {
				t.Fatal(err)
			}
		}
		digest := n.module("test")
		ctx := context.Background()
		var won atomic.Int64
		for round := range 5 {
			var wg sync.WaitGroup
			for w := range 12 {
				wg.Go(func() {
					for i := range 20 {
						name := fmt.Sprintf("n%d", (w+i)%4)
						var err error
						switch (w + 3*i + round) % 6 {
						case 0, 1, 2:
							_, err = n.oms.Deploy(ctx, api.DeployRequest{Spec: api.Spec{Name: name, Module: digest, DMs: []string{"TestDurable", "TestGrow"}}})
							if err == nil {
								won.Add(1)
							}
						case 3:
							err = n.oms.Delete(ctx, api.Ref{Ref: name})
						case 4:
							_, err = n.oms.Migrate(ctx, api.MigrateRequest{Ref: name, To: fmt.Sprintf("k%d", 1+i%3)})
						case 5:
							_, err = n.oms.Fork(ctx, api.ForkRequest{Ref: name, Name: fmt.Sprintf("f%d", i%3)})
						}
						if code := abi.CodeOf(err); !slices.Contains([]abi.Code{abi.OK, abi.Exists, abi.NotFound, abi.Unavailable, abi.Canceled, abi.Conflict}, code) {
							t.Errorf("%s: %v", name, err)
						}
					}
				})
			}
			if round == 2 {
				wg.Go(func() {
					if err := n.kernels["k2"].restart(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			n.agree()
			if round == 3 {
				n.crash()
				synctest.Wait()
				n.agree()
			}
		}
		if won.Load() == 0 {
			t.Error("nothing was ever deployed")
		}
	})
}

// agree checks that names are unique, that kernels hold what the directory says, open,
// and nothing else, and that they know it.
func (n *network) agree() {
	n.t.Helper()
	names, want := map[string]bool{}, map[string]uint64{}
	for _, g := range n.oms.Groups() {
		if names[g.Name] {
			n.t.Errorf("%s is there twice", g.Name)
		}
		names[g.Name] = true
		for _, r := range g.Replicas {
			if !r.Lost {
				want[r.Node.ID+" "+r.Peer] = r.Epoch
			}
		}
	}
	for id, k := range n.kernels {
		k.mu.Lock()
		for peer, r := range k.replicas {
			at := id + " " + peer
			if want[at] != r.epoch || r.closed {
				n.t.Errorf("%s holds %s e%d, closed %t; the directory says e%d\n%s", id, peer, r.epoch, r.closed, want[at], n.heardOf(peer))
			}
			delete(want, at)
		}
		k.mu.Unlock()
	}
	for at, epoch := range want {
		n.t.Errorf("%s e%d is not there", at, epoch)
	}
}

// heardOf returns what kernels heard of a replica.
func (n *network) heardOf(peer string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(slices.DeleteFunc(slices.Clone(n.heard), func(s string) bool { return !strings.Contains(s, peer+" ") }), "\n")
}
