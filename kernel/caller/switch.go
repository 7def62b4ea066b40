package caller

import (
	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// errSwitched is the end of a route: another chain has taken the place of its own. A
// call that it ends has not run, and is made again by the route there is now.
var errSwitched = abi.Errorf(abi.Moved, "the microservice has another chain now")

// Hold closes the gate of a group's callers and reports whether no call is inside the
// proxies, which have then given back what they held. A route that is built later
// starts closed, until each switch that asked to hold has been released.
func (c *Caller) Hold(ctx context.Context, req api.HoldRequest) (quiet bool, err error) {
	defer part.Caught(c.log, &err)
	c.mu.Lock()
	if c.holds[req.Group] == nil {
		c.holds[req.Group] = map[uint64]bool{}
	}
	c.holds[req.Group][req.Switch] = true
	r := c.routes[req.Group]
	c.mu.Unlock()
	if r == nil {
		return true, nil
	}
	if now := r.group.Load().Generation; now != req.Generation {
		return false, abi.Errorf(abi.Conflict, "the chain is of generation %d, not %d", now, req.Generation)
	}
	if !r.gate.quiet(ctx, req.For) {
		return false, ctx.Err()
	}
	return true, part.Drain(ctx, r.parts)
}

// Held reports whether a switch holds the callers of a group.
func (c *Caller) Held(group string, id uint64) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.holds[group][id]
}

// Release ends the hold of a switch of group. Callers go on by the chain that g has;
// where the group is deleted, g has no replicas.
func (c *Caller) Release(group string, id uint64, g api.Group) {
	if g.ID == group {
		c.Changed(g)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.holds[group], id)
	if len(c.holds[group]) > 0 {
		return
	}
	delete(c.holds, group)
	if r := c.routes[group]; r != nil {
		r.gate.open()
	}
}

// replace puts the chain of g in the place of r's, if r's is older.
func (c *Caller) replace(r *route, g *api.Group) {
	next, err := newRoute(c, g)
	if err != nil {
		c.log.Error("cannot build the proxies of a microservice", "name", g.Name, "err", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer r.end()
	if c.routes[g.ID] != r { // it is not used any more
		if next != nil {
			next.stop()
		}
		return
	}
	if next != nil && len(c.holds[g.ID]) > 0 {
		next.gate.close()
	}
	for name, at := range c.routes {
		switch {
		case at != r:
		case next == nil: // the next call says why
			delete(c.routes, name)
		default:
			c.routes[name] = next
		}
	}
}

// Reset ends the proxies of all groups: this kernel has been given up, and what they
// hold is worth nothing. The next calls build them anew.
func (c *Caller) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.routes {
		r.end()
	}
	clear(c.routes)
}

// end turns calls of the route away.
func (r *route) end() {
	r.gate.finish(errSwitched)
	r.stop()
}

// ended reports whether err says no more than that the route has ended.
func (r *route) ended(err error) bool {
	return err != nil && abi.CodeOf(err) == abi.Moved && r.gate.ended()
}

// call carries out a call by the proxies. nested says that its tree holds a guest.
func (r *route) call(ctx context.Context, call dms.Call, nested bool) ([]byte, error) {
	if err := r.gate.enter(ctx, nested); err != nil {
		return nil, err
	}
	defer r.gate.leave()
	return r.handler(ctx, call)
}
