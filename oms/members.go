package oms

import (
	"context"
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
	rtts *rtts

	mu     sync.Mutex
	by     map[string]*member // by node
	settle map[string]*once   // by node
	wakes  chan struct{}      // the watch looks again
	back   chan struct{}      // closed when all that had a lease before are back, or it ran out
	opened time.Time
}

// newMembers grants every node that had a lease a whole new one.
func newMembers(o *OMS) *members {
	ms := &members{o: o, rtts: newRTTs(), by: map[string]*member{}, settle: map[string]*once{}, wakes: make(chan struct{}, 1), back: make(chan struct{}), opened: time.Now()}
	o.store.view(func(st *directory.State) {
		for _, n := range st.Nodes() {
			if !n.Down {
				ms.by[n.ID] = &member{incarnation: n.Incarnation, end: time.Now().Add(o.opt.TTL)}
			}
		}
	})
	ms.allBack()
	return ms
}

// allBack closes back if it is time. ms.mu is held, or ms not shared yet.
func (ms *members) allBack() {
	select {
	case <-ms.back:
		return
	default:
	}
	for _, m := range ms.by {
		if m.kernel == nil && time.Since(ms.opened) < ms.o.opt.TTL {
			return
		}
	}
	close(ms.back)
}

// settled waits until the kernels that had a lease when the OMS was opened are
// back, or have had the time: before, nothing is known to be missing.
func (ms *members) settled(ctx context.Context) error {
	select {
	case <-ms.back:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bind makes k the stream on which m is called, and reports whether it is another.
func (ms *members) bind(m *member, k Kernel) bool {
	if m.kernel == k {
		return false
	}
	out := newOutbox(k, ms.o.liveNodes)
	m.kernel, m.out = k, out
	ms.allBack()
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

// all returns every node with a lease, and its stream, nil if it has none now.
func (ms *members) all() map[string]stream {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	all := map[string]stream{}
	for node, m := range ms.by {
		all[node] = stream{m.incarnation, m.kernel}
	}
	return all
}

// reachable waits until every node with a lease is connected. One that has failed has
// no lease for long.
func (ms *members) reachable(ctx context.Context) error {
	for {
		missing := ""
		for node, h := range ms.all() {
			if h.k == nil {
				missing = node
			} else if k, _ := ms.connected(node); k == nil {
				missing = node
			}
		}
		if missing == "" {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return abi.Errorf(abi.Unavailable, "kernel %s is not connected, and its lease is not over", missing)
		}
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
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, m := range ms.by {
		if m.out != nil {
			m.out.put(groups, nodes)
		}
	}
}

// tellOne sends one kernel groups and the live nodes.
func (ms *members) tellOne(node string, groups []api.Group) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m := ms.by[node]; m != nil && m.out != nil {
		m.out.put(groups, true)
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
		all[i].RTT = o.members.rtts.from(all[i].ID)
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
