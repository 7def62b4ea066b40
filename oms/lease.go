package oms

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// A member is a node with a lease.
type member struct {
	incarnation uint64
	end         time.Time // of the lease
	kernel      Kernel    // nil until it has joined this OMS, and while its stream is lost
	out         *outbox   // of kernel
}

// members are the nodes with a lease.
type members struct {
	o    *OMS
	join sync.Mutex // one join at a time

	mu     sync.Mutex
	by     map[string]*member // by node
	settle map[string]*once   // by node
	wakes  chan struct{}      // the watch looks again
}

// newMembers grants every node that had a lease a whole new one.
func newMembers(o *OMS) *members {
	ms := &members{o: o, by: map[string]*member{}, settle: map[string]*once{}, wakes: make(chan struct{}, 1)}
	o.store.view(func(st *directory.State) {
		for _, n := range st.Nodes() {
			if !n.Down {
				ms.by[n.ID] = &member{incarnation: n.Incarnation, end: time.Now().Add(o.opt.TTL)}
			}
		}
	})
	return ms
}

// Join makes a kernel a member, or one again. If its incarnation is new, what ran
// on the node before is lost. The kernel may be asked to start replicas before it
// sees the reply.
func (o *OMS) Join(ctx context.Context, k Kernel, req api.JoinRequest) (api.JoinReply, error) {
	if err := directory.CheckNode(req.Node); err != nil {
		return api.JoinReply{}, err
	}
	ms := o.members
	ms.join.Lock()
	defer ms.join.Unlock()
	if ok, _ := ms.renew(req.Node.ID, req.Incarnation, k); ok {
		if err := ms.update(req); err != nil {
			return api.JoinReply{}, err
		}
		o.reconcile(req.Node.ID)
	} else {
		change, err := o.store.do(directory.Join{Node: req.Node, Incarnation: req.Incarnation})
		if err != nil {
			return api.JoinReply{}, err
		}
		ms.add(req.Node.ID, req.Incarnation, k)
		o.log.Info("kernel joined", "node", req.Node.ID, "addr", req.Node.Addr, "labels", api.FormatLabels(req.Node.Labels))
		o.lost(change)
		ms.tell(nil, true)
	}
	o.repairAll()
	return api.JoinReply{TTL: o.opt.TTL, Nodes: o.liveNodes()}, nil
}

// Renew extends a kernel's lease, also over a new stream. An incarnation without a
// lease is an error of code NotFound: the kernel ends its replicas and joins.
func (o *OMS) Renew(_ context.Context, k Kernel, req api.RenewRequest) (api.RenewReply, error) {
	ok, back := o.members.renew(req.Node, req.Incarnation, k)
	if !ok {
		return api.RenewReply{}, abi.Errorf(abi.NotFound, "kernel %s has no lease: end its replicas and join again", req.Node)
	}
	if back {
		o.reconcile(req.Node)
		o.repairAll()
	}
	return api.RenewReply{TTL: o.opt.TTL}, nil
}

// renew extends a lease, and reports whether there is one and whether its kernel
// has come back over another stream.
func (ms *members) renew(node string, incarnation uint64, k Kernel) (ok, back bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.by[node]
	if m == nil || m.incarnation != incarnation || !time.Now().Before(m.end) {
		return false, false
	}
	m.end = time.Now().Add(ms.o.opt.TTL)
	return true, ms.bind(m, k)
}

func (ms *members) add(node string, incarnation uint64, k Kernel) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := &member{incarnation: incarnation, end: time.Now().Add(ms.o.opt.TTL)}
	ms.by[node] = m
	ms.bind(m, k)
	ms.wake()
}

// bind makes k the stream on which m is called, and reports whether it is another.
func (ms *members) bind(m *member, k Kernel) bool {
	if m.kernel == k {
		return false
	}
	out := newOutbox(k)
	m.kernel, m.out = k, out
	ms.o.background(func(ctx context.Context) {
		out.run(ctx)
		ms.mu.Lock()
		defer ms.mu.Unlock()
		if m.out == out {
			m.kernel, m.out = nil, nil
		}
	})
	return true
}

// update records what a kernel that kept its lease says of itself now.
func (ms *members) update(req api.JoinRequest) error {
	var known *directory.Node
	ms.o.store.view(func(st *directory.State) { known = st.Node(req.Node.ID) })
	if known != nil && sameNode(known.Node, req.Node) {
		return nil
	}
	change, err := ms.o.store.do(directory.Update{Node: req.Node, Incarnation: req.Incarnation})
	if err != nil {
		return err
	}
	ms.tell(apiGroups(change.Groups()), true)
	return nil
}

func sameNode(a, b api.Node) bool {
	return a.ID == b.ID && a.Addr == b.Addr && a.Store == b.Store && maps.Equal(a.Labels, b.Labels)
}

func (ms *members) wake() {
	select {
	case ms.wakes <- struct{}{}:
	default:
	}
}

// watch declares nodes failed when their leases run out.
func (ms *members) watch(ctx context.Context) {
	for {
		expired, next := ms.expired()
		for node, m := range expired {
			ms.o.log.Warn("kernel failed: its lease ran out", "node", node)
			change, err := ms.o.store.do(directory.Down{Node: node, Incarnation: m.incarnation})
			if err != nil { // the disk: the node has no lease, and is failed when this is written
				ms.o.log.Error("cannot record that a kernel failed", "node", node, "err", err)
				ms.retry(node, m)
				continue
			}
			ms.tell(nil, true)
			ms.o.lost(change)
		}
		t := time.NewTimer(next)
		select {
		case <-t.C:
		case <-ms.wakes:
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// expired takes out the members whose lease has run out, and says how long to
// wait for the next one.
func (ms *members) expired() (out map[string]*member, next time.Duration) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	out, next = map[string]*member{}, ms.o.opt.TTL
	for node, m := range ms.by {
		left := time.Until(m.end)
		if left <= 0 {
			out[node] = m
			delete(ms.by, node)
			continue
		}
		next = min(next, left)
	}
	return out, next
}

// retry puts a member back whose lease has run out, to be expired again.
func (ms *members) retry(node string, m *member) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.by[node] == nil {
		ms.by[node] = &member{incarnation: m.incarnation, end: time.Now().Add(time.Second)}
	}
}

// kernel returns the stream of a live node.
func (ms *members) kernel(node string) (Kernel, error) {
	k, _ := ms.connected(node)
	if k == nil {
		return nil, abi.Errorf(abi.Unavailable, "kernel %s is not connected to the OMS", node)
	}
	return k, nil
}

// connected returns the stream and the incarnation of a live node; a nil stream if
// it has none.
func (ms *members) connected(node string) (Kernel, uint64) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.by[node]
	if m == nil || m.kernel == nil {
		return nil, 0
	}
	select {
	case <-m.kernel.Done():
		return nil, 0
	default:
		return m.kernel, m.incarnation
	}
}

// lease returns when a node's lease ends; the zero time if it has none.
func (ms *members) lease(node string) (end time.Time) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m := ms.by[node]; m != nil {
		end = m.end
	}
	return end
}

// tell sends all connected kernels groups and, if nodes changed, the live nodes.
// It does not wait.
func (ms *members) tell(groups []api.Group, nodes bool) {
	var live []api.Node
	if nodes {
		live = ms.o.liveNodes()
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, m := range ms.by {
		if m.out != nil {
			m.out.put(groups, live)
		}
	}
}

// tellOne sends one kernel how things are.
func (ms *members) tellOne(node string, groups []api.Group, live []api.Node) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m := ms.by[node]; m != nil && m.out != nil {
		m.out.put(groups, live)
	}
}

// settling returns the background work that reconciles a node.
func (ms *members) settling(node string) *once {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	w := ms.settle[node]
	if w == nil {
		w = new(once)
		ms.settle[node] = w
	}
	return w
}

// liveNodes returns the nodes with a lease, sorted by ID.
func (o *OMS) liveNodes() []api.Node {
	nodes := []api.Node{}
	o.store.view(func(st *directory.State) {
		for _, n := range st.Nodes() {
			if !n.Down {
				nodes = append(nodes, n.Node)
			}
		}
	})
	return nodes
}

// Nodes returns every kernel that ever joined, sorted by ID.
func (o *OMS) Nodes() []api.NodeStatus {
	var all []api.NodeStatus
	o.store.view(func(st *directory.State) {
		for _, n := range st.Nodes() {
			all = append(all, api.NodeStatus{Node: n.Node, Replicas: st.Replicas(n.ID)})
		}
	})
	for i := range all {
		all[i].LeaseEnd = o.members.lease(all[i].ID)
		all[i].Live = time.Now().Before(all[i].LeaseEnd)
	}
	return all
}

func apiGroups(gs []*directory.Group) []api.Group {
	out := make([]api.Group, len(gs))
	for i, g := range gs {
		out[i] = g.Group
	}
	slices.SortFunc(out, func(a, b api.Group) int { return strings.Compare(a.ID, b.ID) })
	return out
}
