package dmtest

import (
	"context"
	"time"

	"amino.run/dms"
)

// Kill makes a node fail: what runs there is lost, what is on its disk is not. The
// OMS notices when the node's lease has run out, or when it is restarted before.
func (cl *Cluster) Kill(id string) {
	n := cl.node(id)
	cl.mu.Lock()
	n.down = true
	cl.forgetCallers(id)
	n.end()
	lost := n.life
	groups := cl.every()
	cl.mu.Unlock()
	go func() {
		select {
		case <-time.After(NodeLease):
			for _, g := range groups {
				g.now().lost(id, lost)
			}
		case <-cl.ctx.Done():
		}
	}()
}

// forgetCallers ends the callers at a node. Mu is held.
func (w *world) forgetCallers(id string) {
	for _, g := range w.every() {
		delete(g.callers, id)
	}
}

// Restart brings a node back with an empty memory and its disk.
func (cl *Cluster) Restart(id string) {
	n := cl.node(id)
	cl.mu.Lock()
	lost := n.life
	n.life, n.end = context.WithCancel(cl.ctx)
	n.down = false
	cl.forgetCallers(id)
	groups := cl.every()
	cl.mu.Unlock()
	for _, g := range groups {
		g.now().lost(id, lost)
	}
}

// FillDisk makes the disk of a node full, or not.
func (cl *Cluster) FillDisk(id string, full bool) {
	n := cl.node(id)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	n.full = full
}

// RestartOMS ends the coordinators and starts them again with what they kept.
func (cl *Cluster) RestartOMS() {
	cl.StopOMS()
	cl.StartOMS()
}

// StopOMS ends the coordinators. Until StartOMS no one notices failures, and what
// fails does not come back.
func (cl *Cluster) StopOMS() {
	cl = cl.now()
	o := cl.master()
	_ = o.upcall(cl.ctx, func(context.Context) error { // fails at the test's end
		o.kept = keptBy(o.parts)
		o.end()
		return nil
	})
	for _, m := range cl.shards() {
		m.StopOMS()
	}
}

// StartOMS starts the coordinators again with what they kept. They hear of nodes that
// have failed meanwhile when these had time to come back.
func (cl *Cluster) StartOMS() {
	cl = cl.now()
	fresh := newOMS(cl, cl.master().kept)
	cl.mu.Lock()
	cl.oms = fresh
	cl.mu.Unlock()
	for _, m := range cl.shards() {
		m.StartOMS()
	}
	for _, r := range cl.ownReplicas() {
		if r.life.Err() == nil {
			continue
		}
		if _, up := cl.life(r.Node.ID); up {
			cl.lost(r.Node.ID, r.life)
			continue
		}
		go func() {
			select {
			case <-time.After(NodeLease):
				cl.lost(r.Node.ID, r.life)
			case <-fresh.ctx.Done():
			}
		}()
	}
}

// lost does what the OMS does once it knows that a life of a node has ended.
func (cl *Cluster) lost(id string, life context.Context) {
	if cl.master().ctx.Err() != nil {
		return // it hears of it when it is back
	}
	for _, r := range cl.ownReplicas() {
		if r.Node.ID != id || r.life.Err() == nil {
			continue
		}
		cl.master().failed(r.Replica)
		if cl.find(r.Peer) == r && (len(r.recover) > 0 || r.log != nil) {
			cl.revive(r)
		}
	}
	cl.changed()
	cl.lostWhole()
}

// revive starts a lost replica again where its snapshots can be read, if a node
// that placement allows is up. A log is where its node is.
func (cl *Cluster) revive(lost *replica) {
	for _, n := range cl.nodes {
		if n.ID != lost.Node.ID && (!cl.SharedStore || lost.log != nil) || !cl.master().allowed(n.Node) {
			continue
		}
		r, err := cl.build(dms.Replica{Peer: lost.Peer, Node: n.Node}, cl.birth(), nil)
		if err != nil {
			continue // it is down
		}
		for _, f := range r.recover {
			if err := f(r.life); err != nil {
				cl.t.Errorf("recover on %s: %v", n.ID, err)
			}
		}
		r.begin()
		cl.replace(lost, r)
		return
	}
}
