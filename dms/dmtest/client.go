package dmtest

import (
	"context"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
)

// A Client is the callers of the microservice at one node; they share its proxies.
type Client struct {
	cl    *Cluster
	name  string // of the caller, where several are told apart
	node  dms.Node
	life  context.Context // of the node
	end   context.CancelFunc
	parts []*part
	h     dms.Handler
}

func proxyPeer(id string) dms.Peer              { return dms.Peer("@" + id) }
func proxyNode(p dms.Peer) (id string, ok bool) { return strings.CutPrefix(string(p), "@") }

// Client returns the callers at a node. They fail with the node; after Restart ask
// for them again.
func (cl *Cluster) Client(id string) *Client { return cl.now().client(id) }

// client returns the callers at a node under this chain.
func (cl *Cluster) client(id string) *Client {
	cl.building.Lock()
	defer cl.building.Unlock()
	n := cl.node(id)
	cl.mu.Lock()
	c, life := cl.callers[id], n.life
	cl.mu.Unlock()
	if c != nil {
		return c
	}
	c = cl.newClient(n.Node, life)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.callers[id] = c
	return c
}

func (cl *Cluster) newClient(n dms.Node, life context.Context) *Client {
	c := &Client{cl: cl, node: n, life: life, parts: make([]*part, len(cl.chain))}
	var ctx context.Context
	ctx, c.end = context.WithCancel(life)
	for i := range c.parts {
		c.parts[i] = newPart(cl, ctx, proxyPeer(n.ID), i, n)
	}
	c.h = cl.chain.Proxy(cl.chain.LevelOf(cl.id),
		func(layer int, outer dms.Handler) dms.Caller { return &caller{c.parts[layer], outer} },
		func(ctx context.Context, call dms.Call) ([]byte, error) {
			at, _ := ctx.Value(destination{}).(dms.Peer)
			if cl.nested() {
				return cl.enter(ctx, n.ID, at, call)
			}
			return cl.invoke(ctx, n.ID, at, call)
		})
	return c
}

// As returns the caller of a name among those at the client's node.
func (c *Client) As(name string) *Client {
	named := *c
	named.name = name
	return &named
}

// Call makes a call. Its ID and origin are filled in, unless a guest makes it.
func (c *Client) Call(ctx context.Context, call dms.Call) ([]byte, error) {
	if c.life.Err() != nil {
		return nil, unreachable(c.node.ID)
	}
	call.ID, call.From = c.cl.next(), c.node
	if len(call.Path) == 0 {
		call.Root, call.Client = call.ID, c.name
	}
	call.ReadOnly = call.Verb == "" && c.cl.guest().ReadOnly(call.Method)
	for {
		out, err := c.inside(ctx, call)
		now := c.cl.now()
		if now == c.cl || abi.CodeOf(err) != abi.Moved {
			return out, err
		}
		c = now.client(c.node.ID)
	}
}

// inside carries out a call by the proxies, unless they have another chain by then.
func (c *Client) inside(ctx context.Context, call dms.Call) ([]byte, error) {
	if err := c.cl.calls.enter(ctx, len(call.Path) > 0); err != nil {
		return nil, err
	}
	defer c.cl.calls.leave()
	if c.cl.after.Load() != nil {
		return nil, errSwitched
	}
	return c.h(ctx, call)
}

// Do calls a method and decodes its answer into what out points to, unless it is nil.
func (c *Client) Do(ctx context.Context, out any, method string, args ...any) error {
	b, err := abi.Args(args...)
	if err != nil {
		return err
	}
	answer, err := c.Call(ctx, dms.Call{Method: method, Args: b})
	if err != nil || out == nil {
		return err
	}
	return abi.Decode(answer, out)
}

// Append adds a number to a List and returns how many there are.
func (c *Client) Append(n int) (count int, err error) {
	err = c.Do(c.cl.ctx, &count, "append", n)
	return count, err
}

// List returns the numbers of a List.
func (c *Client) List() (numbers []int, err error) {
	err = c.Do(c.cl.ctx, &numbers, "list")
	return numbers, err
}

// Verb calls a verb.
func (c *Client) Verb(v dms.Verb, args ...any) error {
	b, err := abi.Args(args...)
	if err != nil {
		return err
	}
	_, err = c.Call(c.cl.ctx, dms.Call{Verb: v, Args: b})
	return err
}

// A caller is the kernel as a proxy sees it.
type caller struct {
	*part
	outer dms.Handler // the layers nearer the wire
}

var _ dms.Caller = (*caller)(nil)

type destination struct{}

func (c *caller) Invoke(ctx context.Context, r dms.Replica, call dms.Call) ([]byte, error) {
	return c.outer(context.WithValue(ctx, destination{}, r.Peer), call)
}

func (c *caller) Manifest() *abi.Manifest {
	if g, ok := c.cl.guest().(interface{ Manifest() *abi.Manifest }); ok {
		return g.Manifest()
	}
	return new(abi.Manifest)
}

func (c *caller) Fetch(ctx context.Context) (s dms.Snapshot, err error) {
	r, err := c.cl.target("")
	if err != nil {
		return s, err
	}
	b, err := c.cl.roundTrip(ctx, c.node.ID, r.Node.ID, func(ctx context.Context) ([]byte, error) {
		r, err := c.cl.target("")
		if err != nil {
			return nil, err
		}
		if r.life.Err() != nil {
			return nil, unreachable(r.Node.ID)
		}
		s, err := r.current(ctx)
		if err != nil {
			return nil, err
		}
		return abi.Encode(s)
	})
	if err != nil {
		return s, err
	}
	return s, abi.Decode(b, &s)
}

func (c *caller) Run(_ context.Context, s dms.Snapshot) (dms.Copy, error) {
	return private{newRunner(c.cl, c.node.ID, s)}, nil
}

// A private copy is a guest outside the group.
type private struct{ r *runner }

func (p private) Invoke(ctx context.Context, call dms.Call) ([]byte, error) {
	if call.Verb != "" {
		return nil, abi.Errorf(abi.UnknownVerb, "a private copy takes no verbs")
	}
	return p.r.run(ctx, call)
}

func (p private) Snapshot(ctx context.Context) (dms.Snapshot, error) { return p.r.snapshot(ctx) }

func (p private) Restore(ctx context.Context, s dms.Snapshot) error {
	_, err := p.r.run(ctx, dms.Call{ID: s.Version, Verb: dms.Replace, Args: s.Image})
	return err
}
