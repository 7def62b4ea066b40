package kernel

import (
	"cmp"
	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/caller"
)

var _ caller.Kernel = (*Kernel)(nil)

// Invoke implements caller.Kernel: a replica here is called directly.
func (k *Kernel) Invoke(ctx context.Context, to api.Replica, call dms.Call) ([]byte, error) {
	if to.Node.ID == k.node.ID {
		r, err := k.find(to.Peer)
		if err != nil {
			return nil, err
		}
		return r.call(ctx, to.Epoch, call)
	}
	conn, err := k.peers.Get(ctx, to.Node.Addr)
	if err != nil {
		return nil, err
	}
	b, _ := k.bodies.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	*b = caller.AppendInvoke(append((*b)[:0], invokeName...), to.Peer, to.Epoch, call)
	out, err := conn.Call(ctx, *b)
	if cap(*b) <= maxBody {
		k.bodies.Put(b)
	}
	return out, err
}

// maxBody is the longest buffer for requests that is kept for reuse, in bytes.
const maxBody = 16 << 10

// invokeName begins a request body, as mux.Router reads it.
var invokeName = append([]byte{byte(len(api.KernelInvoke))}, api.KernelInvoke...)

// Fetch implements caller.Kernel.
func (k *Kernel) Fetch(ctx context.Context, to api.Replica) (api.Snapshot, error) {
	ref := api.ReplicaRef{Peer: to.Peer, Epoch: to.Epoch}
	if to.Node.ID == k.node.ID {
		return k.serveFetch(ctx, nil, ref)
	}
	return remote[api.Snapshot](ctx, k, to.Node, api.KernelFetch, ref)
}

// Ask implements caller.Kernel: it carries a message between parts.
func (k *Kernel) Ask(ctx context.Context, g *api.Group, m api.AskRequest) ([]byte, error) {
	if m.To == string(dms.Coordinator) {
		b, err := mux.Call[api.Bytes](ctx, k.oms, api.OMSAsk, m)
		return b.B, err
	}
	n, err := k.nodeOf(g, cmp.Or(m.At, m.To))
	if err != nil {
		return nil, err
	}
	if n.ID == k.node.ID {
		b, err := k.serveAsk(ctx, nil, m)
		return b.B, err
	}
	b, err := remote[api.Bytes](ctx, k, n, api.KernelAsk, m)
	return b.B, err
}

// nodeOf returns the node on which a part of g lives.
func (k *Kernel) nodeOf(g *api.Group, peer string) (api.Node, error) {
	if peer[0] == '@' {
		if n, ok := (*k.nodes.Load())[peer[1:]]; ok {
			return n, nil
		}
		return api.Node{}, abi.Errorf(abi.Unavailable, "kernel %s is gone", peer[1:])
	}
	for _, r := range g.Replicas {
		if r.Peer == peer {
			return r.Node, nil
		}
	}
	return api.Node{}, abi.Errorf(abi.NotFound, "%s has no replica %s", g.Name, peer)
}

// remote sends a control message to another kernel.
func remote[Resp, Req any](ctx context.Context, k *Kernel, to api.Node, name string, req Req) (Resp, error) {
	conn, err := k.peers.Get(ctx, to.Addr)
	if err != nil {
		var none Resp
		return none, err
	}
	return mux.Call[Resp](ctx, conn, name, req)
}
