package oms

import (
	"context"
	"maps"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

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
	} else {
		if _, err := o.store.do(directory.Join{Node: req.Node, Incarnation: req.Incarnation}); err != nil {
			return api.JoinReply{}, err
		}
		ms.add(req.Node.ID, req.Incarnation, k)
		o.log.Info("kernel joined", "node", req.Node.ID, "addr", req.Node.Addr, "labels", api.FormatLabels(req.Node.Labels))
		ms.tell(nil, true)
	}
	o.reconcile(req.Node.ID)
	return api.JoinReply{TTL: o.opt.TTL, Nodes: o.liveNodes()}, nil
}

// Renew extends a kernel's lease, also over a new stream. An incarnation without a
// lease is an error of code NotFound: the kernel ends its replicas and joins.
func (o *OMS) Renew(_ context.Context, k Kernel, req api.RenewRequest) (api.RenewReply, error) {
	ok, back := o.members.renew(req.Node, req.Incarnation, k)
	if !ok {
		return api.RenewReply{}, abi.Errorf(abi.NotFound, "kernel %s has no lease: end its replicas and join again", req.Node)
	}
	o.members.rtts.report(req.Node, req.RTT)
	if back {
		o.reconcile(req.Node)
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
			ms.rtts.forget(node)
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
	ms.allBack()
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
