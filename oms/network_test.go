package oms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/oms"
)

// A network is an OMS and its kernels.
type network struct {
	t       testing.TB
	fs      *vfs.MemFS
	opt     oms.Options
	oms     *oms.OMS
	kernels map[string]*kernel
	wait    func() // until nothing happens any more

	mu      sync.Mutex
	heard   []string // by kernels, but kernel.changed and kernel.status
	crashed *vfs.MemFS
	saves   map[string]int // checkpoints, by store and peer
}

func newNetwork(t testing.TB) *network {
	n := &network{t: t, fs: vfs.NewCrashableMem(), kernels: map[string]*kernel{}, saves: map[string]int{}, wait: func() {}}
	n.opt = oms.Options{Ballast: 1 << 10, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	n.open()
	t.Cleanup(func() { n.close() })
	return n
}

func (n *network) open() {
	n.t.Helper()
	opt := n.opt
	if opt.FS == nil {
		opt.FS = n.fs
	}
	o, err := oms.Open("oms", opt)
	if err != nil {
		n.t.Fatal(err)
	}
	n.oms = o
}

// close ends the OMS and every stream.
func (n *network) close() {
	for _, k := range n.kernels {
		k.hangUp()
	}
	if err := n.oms.Close(); err != nil {
		n.t.Error(err)
	}
}

// crash ends the OMS as kill -9 would, with some of what was not synced on disk.
// Kernels that are alive notice, and renew their leases.
func (n *network) crash() {
	n.mu.Lock()
	fs := n.crashed
	n.crashed = nil
	n.mu.Unlock()
	if fs == nil {
		fs = n.clone()
	}
	for _, k := range n.kernels {
		k.hangUp()
	}
	_ = n.oms.Close() // of what nobody sees any more
	n.fs = fs
	n.open()
	for _, id := range slices.Sorted(maps.Keys(n.kernels)) {
		k := n.kernels[id]
		if k.dead {
			continue
		}
		k.connect()
		go k.renew()
		if _, err := n.oms.Renew(context.Background(), k, api.RenewRequest{Node: k.node.ID, Incarnation: k.inc}); err != nil {
			n.t.Errorf("%s renews after the OMS crashed: %v", k.node.ID, err)
		}
		n.wait()
	}
}

func (n *network) clone() *vfs.MemFS {
	return n.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(rand.Uint64(), 1))})
}

// crashWith starts the OMS anew with other options, on another disk if FS is one.
func (n *network) crashWith(opt oms.Options) {
	opt.Log, opt.Ballast = n.opt.Log, n.opt.Ballast
	n.opt = opt
	n.crash()
}

// hear notes a message that a kernel got.
func (n *network) hear(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, fmt.Sprintf(format, args...))
}

// takeHeard returns what kernels heard since it was last called.
func (n *network) takeHeard() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(inOrder(n.heard), "\n")
	n.heard = nil
	return s
}

// kernel returns a new kernel that has not joined.
func (n *network) kernel(id string, labels string) *kernel {
	k := &kernel{
		node: api.Node{ID: id, Addr: id + ":1", Labels: map[string]string{}}, net: n, router: mux.NewRouter(), inc: 1,
		replicas: map[string]*replica{}, fails: map[string][]fault{}, groups: map[string]api.Group{},
	}
	for label := range strings.SplitSeq(labels, ",") {
		if key, value, ok := strings.Cut(label, "="); ok {
			k.node.Labels[key] = value
		}
	}
	k.handlers()
	n.kernels[id] = k
	return k
}

// joined returns a new kernel that has joined.
func (n *network) joined(id string, labels string) *kernel {
	n.t.Helper()
	k := n.kernel(id, labels)
	if err := k.join(); err != nil {
		n.t.Fatal(err)
	}
	return k
}

// die notes what is on disk now: nothing the OMS does from here on counts.
func (n *network) die() error {
	n.hear("the OMS crashes")
	fs := n.clone()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.crashed = fs
	for _, k := range n.kernels {
		k.hangUp()
	}
	return abi.ErrUnavailable
}

func (n *network) saved(node api.Node, peer string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	store := node.Store
	if store == "" {
		store = "@" + node.ID
	}
	return n.saves[store+peer]
}

// module stores a module and returns its digest.
func (n *network) module(name string, dms ...string) string {
	n.t.Helper()
	b, err := json.Marshal(abi.Manifest{ABI: 1, Name: name, DMs: dms})
	if err != nil {
		n.t.Fatal(err)
	}
	m, err := n.oms.PutModule(context.Background(), b)
	if err != nil {
		n.t.Fatal(err)
	}
	return m.Digest
}

// deploy deploys a module with this name and these DMs.
func (n *network) deploy(name string, dms ...string) (api.Group, error) {
	return n.oms.Deploy(context.Background(), api.DeployRequest{Spec: api.Spec{Name: name, Module: n.module("test"), DMs: dms}})
}

// mustDeploy is deploy.
func (n *network) mustDeploy(name string, dms ...string) api.Group {
	n.t.Helper()
	g, err := n.deploy(name, dms...)
	if err != nil {
		n.t.Fatal(err)
	}
	return g
}

func showReplica(r api.Replica) string {
	s := fmt.Sprintf("%s@%s e%d", r.Peer, r.Node.ID, r.Epoch)
	if r.Lost {
		s += " lost"
	}
	if r.Recovers {
		s += " recovers"
	}
	return s
}

func showGroup(g api.Group) string {
	s := fmt.Sprintf("%s %s rev=%d refs=%d", g.ID, g.Name, g.Revision, g.Refs)
	if g.Generation > 0 {
		s += fmt.Sprintf(" generation=%d%v", g.Generation, g.Spec.DMs)
	}
	for _, r := range g.Replicas {
		s += " " + showReplica(r)
	}
	for _, shard := range g.Shards {
		s += "\n  " + showGroup(shard)
	}
	return s
}
