// Package caller is the kernel beside a caller: it finds the group a call is
// for, runs its proxies, and sends the call to the replica where it is now.
package caller

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// MaxDepth is how many microservices may wait for one another in one call.
const MaxDepth = 64

// DefaultTimeout bounds a call that has no deadline and whose spec names none.
const DefaultTimeout = 30 * time.Second

// TimeoutOf returns how long a call of g may take that has no deadline.
func TimeoutOf(g *api.Group) time.Duration {
	if g.Spec.Timeout > 0 {
		return g.Spec.Timeout
	}
	return DefaultTimeout
}

// A Directory knows where every group is. The OMS is one. It may be used by many
// goroutines at once.
type Directory interface {
	// Lookup returns the group of a name or ID, or abi.ErrNotFound.
	Lookup(ctx context.Context, ref string) (api.Group, error)
}

// A Kernel is what the caller side needs of the kernel it is part of. It may be
// used by many goroutines at once.
type Kernel interface {
	// Here returns the kernel's node.
	Here() dms.Node

	// Invoke sends a call to a replica, here or elsewhere. Of a replica that is not
	// there it returns abi.ErrMoved, with a message MovedTo wrote if the new place
	// is known: the call has not run.
	Invoke(ctx context.Context, to api.Replica, call dms.Call) ([]byte, error)

	// Fetch returns the state of a replica; errors are as for Invoke.
	Fetch(ctx context.Context, to api.Replica) (api.Snapshot, error)

	// Run runs a private copy of a group's microservice here.
	Run(ctx context.Context, g *api.Group, s dms.Snapshot) (dms.Copy, error)

	// Ask carries a message to a coordinator, an instance or a proxy of g.
	Ask(ctx context.Context, g *api.Group, m api.AskRequest) ([]byte, error)
}

// Caller makes calls on behalf of all callers of one kernel. It may be used by
// many goroutines at once.
type Caller struct {
	ctx    context.Context // the kernel's life
	kernel Kernel
	dir    Directory
	load   dms.Loader
	log    *slog.Logger
	ids    atomic.Uint64

	mu     sync.RWMutex
	routes map[string]*route          // by name and by ID
	holds  map[string]map[uint64]bool // switches under way, by group and number
}

// New returns a Caller that lives as long as ctx; load, which may be nil, knows the
// DMs in Wasm. Its call IDs start at first; IDs that start at least 2^32 apart stay
// unique.
func New(ctx context.Context, k Kernel, d Directory, load dms.Loader, log *slog.Logger, first uint64) *Caller {
	c := &Caller{ctx: ctx, kernel: k, dir: d, load: load, log: log, routes: map[string]*route{}, holds: map[string]map[uint64]bool{}}
	c.ids.Store(first)
	return c
}

// Call calls the microservice of a name or ID. Of the call's fields only Method,
// Verb, Args, Client, Path, Root and Tx need to be set; a Root without a Path says
// that a call which another waits for makes this one.
func (c *Caller) Call(ctx context.Context, target string, call dms.Call) (out []byte, err error) {
	defer part.Caught(c.log, &err)
	r, err := c.route(ctx, target)
	if err != nil {
		return nil, err
	}
	if err := r.whole(); err != nil {
		return nil, err
	}
	return c.call(ctx, r, call)
}

// call makes a call by a route.
func (c *Caller) call(ctx context.Context, r *route, call dms.Call) (out []byte, err error) {
	if err := waits(call.Path, r.group.Load()); err != nil {
		return nil, err
	}
	nested := call.Root != 0
	call.ID, call.From = c.ids.Add(1), c.kernel.Here()
	if len(call.Path) == 0 {
		call.Root = call.ID
	}
	if call.Verb == "" {
		call.ReadOnly = r.readOnly[call.Method]
	}
	if _, ok := ctx.Deadline(); !ok {
		timeout := WithTimeout(ctx, r.timeout)
		defer timeout.Cancel()
		ctx = timeout
	}
	for {
		out, err := r.call(ctx, call, nested)
		if !r.ended(err) {
			return out, err
		}
		if r, err = c.route(ctx, r.group.Load().ID); err != nil {
			return nil, err
		}
	}
}

// waits refuses a call of a microservice that waits for it. It is asked before any
// proxy, which might wait too.
func waits(path []string, g *api.Group) error {
	switch {
	case len(path) == 0:
		return nil
	case len(path) >= MaxDepth:
		return abi.Errorf(abi.Reentrant, "call of %s: %d microservices wait for one another; that is the limit", g.Name, MaxDepth)
	case slices.Contains(path, g.ID):
		return abi.Errorf(abi.Reentrant, "%s waits for this very call: a microservice cannot be called back while it waits; return first, or split it in two", g.Name)
	}
	return nil
}

// Group returns the group of a name or ID as this caller knows it.
func (c *Caller) Group(ctx context.Context, target string) (*api.Group, *abi.Manifest, error) {
	r, err := c.route(ctx, target)
	if err != nil {
		return nil, nil, err
	}
	return r.group.Load(), r.manifest, nil
}

// Changed tells the caller of a group as it is now.
func (c *Caller) Changed(g api.Group) {
	c.mu.RLock()
	r := c.routes[g.ID]
	c.mu.RUnlock()
	if r == nil {
		return
	}
	if len(g.Replicas) == 0 { // deleted
		c.drop(r)
		return
	}
	_ = r.update(&g) // ended or not, calls find out
}

// Refresh asks the directory about every group this caller knows.
func (c *Caller) Refresh(ctx context.Context) {
	c.mu.RLock()
	routes := map[*route]bool{}
	for _, r := range c.routes {
		routes[r] = true
	}
	c.mu.RUnlock()
	for r := range routes {
		_ = r.refresh(ctx) // a call that needs the answer asks again
	}
}

// Deliver answers a message to a proxy of this caller.
func (c *Caller) Deliver(ctx context.Context, m api.AskRequest) ([]byte, error) {
	c.mu.RLock()
	r := c.routes[m.Group]
	c.mu.RUnlock()
	if r == nil {
		return nil, abi.Errorf(abi.NotFound, "no proxy of %s at %s", m.Group, c.kernel.Here().ID)
	}
	if now := r.group.Load().Generation; now != m.Generation {
		return nil, abi.Errorf(abi.NotFound, "the proxies of %s at %s are of another chain", m.Group, c.kernel.Here().ID)
	}
	return r.deliver(ctx, m)
}

// Ask carries a message to a replica of m.Group, which need not be the sender's.
func (c *Caller) Ask(ctx context.Context, m api.AskRequest) (out []byte, err error) {
	r, err := c.route(ctx, m.Group)
	if err != nil {
		return nil, err
	}
	return r.Send(ctx, m)
}

// route returns the route of a name or ID, building it at first use.
func (c *Caller) route(ctx context.Context, target string) (*route, error) {
	c.mu.RLock()
	r := c.routes[target]
	c.mu.RUnlock()
	if r != nil {
		return r, nil
	}
	g, err := c.dir.Lookup(ctx, target)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.routes[g.ID]; r != nil { // another caller was first
		c.routes[target] = r
		return r, nil
	}
	if r, err = newRoute(c, &g); err != nil {
		return nil, err
	}
	if len(c.holds[g.ID]) > 0 {
		r.gate.close()
	}
	c.routes[g.ID] = r
	if r.within == "" {
		c.routes[g.Name] = r
	}
	return r, nil
}

// drop forgets a group that is deleted.
func (c *Caller) drop(r *route) {
	g := r.group.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.routes, g.ID)
	if c.routes[g.Name] == r {
		delete(c.routes, g.Name)
	}
	r.stop()
}
