package dmtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// NodeLease is how long the OMS takes to notice that a node has failed.
const NodeLease = 6 * time.Second

// A Cluster is a set of nodes and a microservice deployed on them. Its methods
// may be used by many goroutines of a synctest bubble at once.
type Cluster struct {
	*world

	id     string // of the group
	chain  dms.Chain
	outer  *Cluster // the group it is a member of, or nil
	guest  func() Guest
	origin dms.Node
	born   *dms.Snapshot // by a switch, in this state; nil by the constructor

	building sync.Mutex              // of clients
	calls    *gate                   // closed while the chain is replaced
	after    atomic.Pointer[Cluster] // what took its place

	oms     *oms               // as all below, guarded by mu
	group   []*replica         // primary first; empty if the members are groups
	inner   []*Cluster         // these
	callers map[string]*Client // by node: the microservice's callers there share one proxy
	disk    map[dms.Peer]saved
	logs    map[dms.Peer]*logDisk
	moves   int
}

// A world is what the microservices of one test share.
type world struct {
	// SharedStore says that all nodes read what one has saved, so that a lost
	// replica can recover elsewhere. Set it before a failure.
	SharedStore bool

	t   testing.TB
	ctx context.Context
	net *links

	mu     sync.Mutex // never held while waiting
	nodes  []*node
	groups []*Cluster // one for each microservice
	serial uint64
	rand   *rand.Rand
}

// A node is a kernel server. What runs on it ends with its life.
type node struct {
	dms.Node
	down bool
	life context.Context
	end  context.CancelFunc
	full bool // its disk
}

// A saved snapshot is on the disk of a node.
type saved struct {
	node string
	dms.Snapshot
}

// Node is shorthand for a node of a tier in a region.
func Node(id, tier, region string) dms.Node {
	return dms.Node{ID: id, Labels: map[string]string{"tier": tier, "region": region}}
}

// Parse returns the chain that specs describe, and fails the test if there is
// something wrong with it.
func Parse(t testing.TB, specs ...string) dms.Chain {
	t.Helper()
	chain, err := dms.ParseChain(specs)
	if err == nil {
		err = dms.Check(chain)
	}
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// Deploy creates guest under chain on the first of nodes that placement allows.
// Call it inside synctest.Test; the cluster ends with the test.
func Deploy(t testing.TB, guest func() Guest, chain dms.Chain, nodes ...dms.Node) (*Cluster, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, net: newLinks(1), rand: rand.New(rand.NewPCG(1, 2))}
	for _, n := range nodes {
		x := &node{Node: n}
		x.life, x.end = context.WithCancel(ctx)
		w.nodes = append(w.nodes, x)
	}
	return w.deploy(guest, chain)
}

// Beside creates another microservice on the nodes of cl, on the first that placement
// allows of those named, or of all. Guests call it by its ID. What happens to nodes and
// links happens to both.
func (cl *Cluster) Beside(guest func() Guest, chain dms.Chain, on ...string) (*Cluster, error) {
	return cl.world.deploy(guest, chain, on...)
}

func (w *world) deploy(guest func() Guest, chain dms.Chain, on ...string) (*Cluster, error) {
	w.mu.Lock()
	cl := newCluster(w, fmt.Sprintf("m%d", len(w.groups)+1), guest, chain)
	w.groups = append(w.groups, cl)
	w.mu.Unlock()
	return cl, cl.create(on)
}

func newCluster(w *world, id string, guest func() Guest, chain dms.Chain) *Cluster {
	return &Cluster{
		world: w, id: id, chain: chain, guest: guest, calls: newGate(),
		callers: map[string]*Client{}, disk: map[dms.Peer]saved{}, logs: map[dms.Peer]*logDisk{},
	}
}

// ID returns the ID of the microservice: "m1", or "m2" for the second of a test.
func (cl *Cluster) ID() string { return cl.id }

// microservice returns the microservice with this ID, or nil.
func (w *world) microservice(id string) *Cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.every()
	if i := slices.IndexFunc(all, func(cl *Cluster) bool { return cl.id == id }); i >= 0 {
		return all[i]
	}
	return nil
}

// New is Deploy of a List under the chain that specs describe; it fails the test
// if that fails.
func New(t testing.TB, specs []string, nodes ...dms.Node) *Cluster {
	t.Helper()
	cl, err := Deploy(t, NewList, Parse(t, specs...), nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func (cl *Cluster) create(on []string) error {
	if len(on) == 0 {
		for _, n := range cl.nodes {
			on = append(on, n.ID)
		}
	}
	for _, id := range on { // which node is the origin may decide what is allowed
		n := cl.node(id)
		cl.origin = n.Node
		if cl.oms = newOMS(cl, nil); cl.oms.allowed(n.Node) {
			break
		}
		cl.oms.end()
	}
	if cl.oms.ctx.Err() != nil {
		return abi.Errorf(abi.Placement, "the chain %s allows no node", cl.chain)
	}
	if err := cl.first(dms.Snapshot{Image: cl.guest().Snapshot()}, nil); err != nil {
		return err
	}
	return cl.oms.created()
}

// Seed makes what happens by chance happen otherwise.
func (cl *Cluster) Seed(seed uint64) {
	cl.mu.Lock()
	cl.rand = rand.New(rand.NewPCG(seed, 2))
	cl.mu.Unlock()
	cl.net.set(func() { cl.net.rand = rand.New(rand.NewPCG(seed, 1)) })
}

// Where returns the IDs of the nodes of the group, the primary's first.
func (cl *Cluster) Where() (ids []string) {
	for _, r := range cl.now().members() {
		ids = append(ids, r.Node.ID)
	}
	return ids
}

// Moves returns how many moves were made.
func (cl *Cluster) Moves() int {
	cl = cl.now()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.moves
}

// Lists returns the numbers of each replica that is alive, if the guest is a List.
func (cl *Cluster) Lists() (all [][]int) {
	for _, r := range cl.now().members() {
		if s, err := r.snapshot(r.life); err == nil && r.life.Err() == nil {
			l := new(List)
			l.Restore(s.Image)
			all = append(all, l.numbers)
		}
	}
	return all
}

func (w *world) node(id string) *node {
	i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.ID == id })
	if i < 0 {
		panic(fmt.Sprintf("dmtest: no node %q", id))
	}
	return w.nodes[i]
}

// life returns the life of a node as it is now, and whether it is up.
func (w *world) life(id string) (ctx context.Context, up bool) {
	if id == OMS {
		return w.ctx, true
	}
	n := w.node(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	return n.life, !n.down
}

// master returns the OMS that is alive.
func (cl *Cluster) master() *oms {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.oms
}

// members returns the replicas of the group and of those that are members of it.
func (cl *Cluster) members() []*replica {
	all := cl.ownReplicas()
	for _, m := range cl.shards() {
		all = append(all, m.members()...)
	}
	return all
}

// replicas returns the members of the group as its parts see them.
func (cl *Cluster) replicas() (rs []dms.Replica) {
	for _, r := range cl.ownReplicas() {
		rs = append(rs, r.Replica)
	}
	for _, m := range cl.shards() {
		rs = append(rs, m.asReplica())
	}
	return rs
}

// find returns the member of the group with this address, or nil; if that is a group, its
// primary.
func (cl *Cluster) find(p dms.Peer) *replica {
	if m := cl.shard(p); m != nil {
		r, _ := m.target("")
		return r
	}
	all := cl.ownReplicas()
	if i := slices.IndexFunc(all, func(r *replica) bool { return r.Peer == p }); i >= 0 {
		return all[i]
	}
	return nil
}

// next returns a number that was not returned before.
func (w *world) next() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return w.serial
}

func unreachable(id string) error {
	return abi.Errorf(abi.Unavailable, "node %s cannot be reached", id)
}
