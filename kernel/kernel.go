// Package kernel is one node: it hosts replicas, sends and receives calls, and
// moves replicas. It knows the OMS only by the messages of internal/api.
package kernel

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/caller"
	"amino.run/kernel/internal/part"
	"amino.run/kernel/wasmdm"
)

// Config says how a kernel runs.
type Config struct {
	ID          string            // of the node, unique in a cluster
	Listen      string            // host:port to serve peers and clients on; port 0 picks one
	OMS         string            // host:port
	Labels      map[string]string // tier, region, ...
	Data        string            // a directory that only this kernel uses
	Checkpoints string            // a directory, which kernels may share; default Data/checkpoints
	Engine      host.Engine       // may be shared by the kernels of one process
	Log         *slog.Logger
}

// A Kernel is a running kernel server. It may be used by many goroutines at once.
type Kernel struct {
	node     api.Node
	oms      *omsLink
	log      *slog.Logger
	ctx      context.Context // ends with the kernel
	stop     context.CancelFunc
	left     chan struct{} // closed when the kernel is no member any more
	server   *mux.Server
	peers    *mux.Pool
	bodies   sync.Pool // of *[]byte, for requests to peers
	modules  *modules
	load     dms.Loader
	store    *checkpoints
	disk     *logDisk
	outboxes sync.Map // *outbox, by address of a kernel
	lease    *lease
	rtts     *meter
	caller   *caller.Caller
	nodes    atomic.Pointer[map[string]api.Node] // live ones, as last told

	mu       sync.RWMutex
	replicas map[string]*replica    // by peer
	moved    map[string]api.Replica // where replicas that were here went
}

// Start starts a kernel: it serves at once, and joins the OMS as soon as that
// can be reached. Close ends it.
func Start(ctx context.Context, c Config) (*Kernel, error) {
	if c.Checkpoints == "" {
		c.Checkpoints = filepath.Join(c.Data, "checkpoints")
	}
	store, err := openCheckpoints(c.Checkpoints)
	if err != nil {
		return nil, err
	}
	k := &Kernel{
		log: c.Log.With("kernel", c.ID), store: store, lease: newLease(c.ID), rtts: newMeter(),
		left: make(chan struct{}), replicas: map[string]*replica{}, moved: map[string]api.Replica{},
	}
	k.disk = &logDisk{dir: filepath.Join(c.Data, "log")}
	k.nodes.Store(&map[string]api.Node{})
	k.ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	var whole sync.WaitGroup // until it is, no request is looked at
	whole.Add(1)
	defer whole.Done()
	router := k.router()
	serve := func(ctx context.Context, from *mux.Conn, body []byte) (out []byte, err error) {
		defer part.Caught(k.log, &err)
		whole.Wait()
		return router.Serve(ctx, from, body)
	}
	if k.server, err = mux.Listen(c.Listen, c.ID, serve); err != nil {
		k.stop()
		return nil, err
	}
	k.node = api.Node{ID: c.ID, Addr: k.server.Addr(), Labels: c.Labels, Store: store.id}
	k.peers = mux.NewPool(c.ID, serve)
	k.oms = newOMSLink(c.OMS, c.ID, serve)
	k.modules = &modules{dir: filepath.Join(c.Data, "modules"), engine: c.Engine, fetch: k.oms.module}
	k.load = wasmdm.Loader(k.ctx, k.modules.dm)
	k.caller = caller.New(k.ctx, k, k.oms, k.load, k.log, rand.Uint64()<<16)
	go k.member()
	return k, nil
}

// Node returns the kernel's node.
func (k *Kernel) Node() api.Node { return k.node }

// Close ends the kernel: calls inside are given until ctx ends, then everything
// stops; the engine may be closed when it returns. The OMS finds out when the lease
// ends, or when the kernel joins again.
func (k *Kernel) Close(ctx context.Context) error {
	err := k.server.Close(ctx)
	k.stop()
	<-k.left
	k.lease.drop()
	k.peers.Close()
	k.oms.close()
	for _, r := range k.endAll(abi.Errorf(abi.Unavailable, "kernel %s is shutting down", k.node.ID)) {
		<-r.freed
	}
	return errors.Join(err, k.disk.close())
}

// Here implements caller.Kernel.
func (k *Kernel) Here() dms.Node { return k.node.DM() }

// env returns what a guest of g sees of the world; id names the replica or copy. Who
// waits for it is the microservice that g is, or is part of.
func (k *Kernel) env(g *api.Group, id string) *env {
	whole, _, _ := strings.Cut(g.ID, "/")
	return &env{
		group: whole, config: g.Spec.Config, caller: k.caller, log: k.log,
		id: host.Identity{Name: g.Name, ID: id, Node: k.node.ID},
	}
}

// find returns the replica of a peer, or abi.ErrMoved, which says where it went if
// that is known.
func (k *Kernel) find(peer string) (*replica, error) {
	k.mu.RLock()
	r := k.replicas[peer]
	to, moved := k.moved[peer]
	k.mu.RUnlock()
	switch {
	case r != nil:
		return r, nil
	case moved:
		return nil, caller.MovedTo(to)
	}
	return nil, abi.Errorf(abi.Moved, "from kernel %s", k.node.ID)
}

// at returns the replica of a peer in an epoch.
func (k *Kernel) at(ref api.ReplicaRef) (*replica, error) {
	r, err := k.find(ref.Peer)
	if err != nil {
		return nil, err
	}
	if r.epoch != ref.Epoch {
		return nil, caller.MovedTo(r.here())
	}
	return r, nil
}

// all returns the replicas here.
func (k *Kernel) all() []*replica {
	k.mu.RLock()
	defer k.mu.RUnlock()
	rs := make([]*replica, 0, len(k.replicas))
	for _, r := range k.replicas {
		rs = append(rs, r)
	}
	return rs
}

// add makes a replica one of the kernel's, in place of one of an older epoch.
func (k *Kernel) add(r *replica) error {
	k.mu.Lock()
	old := k.replicas[r.peer]
	switch {
	case k.ctx.Err() != nil:
		k.mu.Unlock()
		return abi.Errorf(abi.Unavailable, "kernel %s is shutting down", k.node.ID)
	case old != nil && old.epoch >= r.epoch:
		k.mu.Unlock()
		return exists(old)
	}
	k.replicas[r.peer] = r
	delete(k.moved, r.peer)
	k.mu.Unlock()
	if old != nil {
		old.end(caller.MovedTo(r.here()))
	}
	return nil
}

func exists(r *replica) error {
	return abi.Errorf(abi.Exists, "%s runs here in epoch %d already", r.peer, r.epoch)
}

// endAll ends every replica and returns them: what ran here has been placed
// elsewhere, or is lost.
func (k *Kernel) endAll(why error) map[string]*replica {
	k.mu.Lock()
	rs := k.replicas
	k.replicas, k.moved = map[string]*replica{}, map[string]api.Replica{}
	k.mu.Unlock()
	for _, r := range rs {
		r.fenced.Store(true)
		r.end(why)
	}
	return rs
}
