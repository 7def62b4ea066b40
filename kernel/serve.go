package kernel

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/caller"
)

// router returns what a kernel answers, whoever asks.
func (k *Kernel) router() *mux.Router {
	r := mux.NewRouter()
	r.Handle(api.KernelInvoke, k.serveInvoke)
	mux.Handle(r, api.KernelCall, k.serveCall)
	mux.Handle(r, api.KernelAsk, k.serveAsk)
	mux.Handle(r, api.KernelFetch, k.serveFetch)
	mux.Handle(r, api.KernelInspect, k.serveInspect)
	mux.Handle(r, api.KernelStart, k.serveStart)
	mux.Handle(r, api.KernelSend, k.serveSend)
	mux.Handle(r, api.KernelOpen, k.serveOpen)
	mux.Handle(r, api.KernelForget, k.serveForget)
	mux.Handle(r, api.KernelCapture, k.serveCapture)
	mux.Handle(r, api.KernelChanged, k.serveChanged)
	mux.Handle(r, api.KernelPing, k.servePing)
	mux.Handle(r, api.KernelStatus, k.serveStatus)
	r.Handle(api.KernelRaft, k.serveRaft)
	mux.Handle(r, api.KernelHold, k.serveHold)
	mux.Handle(r, api.KernelRelease, k.serveRelease)
	mux.Handle(r, api.KernelQuiet, k.serveQuiet)
	mux.Handle(r, api.KernelSucceed, k.serveSucceed)
	return r
}

// serveInvoke carries out a call that another kernel sent.
func (k *Kernel) serveInvoke(ctx context.Context, _ *mux.Conn, body []byte) ([]byte, error) {
	peer, epoch, call, err := caller.ParseInvoke(body)
	if err != nil {
		return nil, err
	}
	r, err := k.find(peer)
	if err != nil {
		return nil, err
	}
	call.From.Labels = (*k.nodes.Load())[call.From.ID].Labels
	return r.call(ctx, epoch, call)
}

// serveCall makes a call for a client that is not a kernel. The edge checks what
// a compiler would have: the method's name, and its arguments.
func (k *Kernel) serveCall(ctx context.Context, _ *mux.Conn, req api.CallRequest) (api.Bytes, error) {
	call := dms.Call{Method: req.Method, Verb: dms.Verb(req.Verb), Args: req.Args, Client: req.Client}
	if len(call.Args) == 0 {
		call.Args = []byte{0x80}
	}
	if req.Verb == "" {
		_, m, err := k.caller.Group(ctx, req.Name)
		if err != nil {
			return api.Bytes{}, err
		}
		t := m.Method(req.Method)
		if t == nil {
			return api.Bytes{}, unknownMethod(req.Name, req.Method, m)
		}
		if err := t.CheckArgs(call.Args); err != nil {
			return api.Bytes{}, err
		}
	}
	out, err := k.caller.Call(ctx, req.Name, call)
	return api.Bytes{B: out}, err
}

// Call calls a method of a microservice as a guest of this kernel would, proxies
// included. args is a CBOR array and the result one CBOR value.
func (k *Kernel) Call(ctx context.Context, name, method string, args []byte) ([]byte, error) {
	return k.caller.Call(ctx, name, dms.Call{Method: method, Args: args})
}

func unknownMethod(name, method string, m *abi.Manifest) error {
	known := make([]string, len(m.Methods))
	for i, t := range m.Methods {
		known[i] = t.Name
	}
	return abi.Errorf(abi.UnknownMethod, "%s has no method %q; it has %v", name, method, known)
}

// serveAsk delivers a message to a part of a DM here.
func (k *Kernel) serveAsk(ctx context.Context, _ *mux.Conn, m api.AskRequest) (api.Bytes, error) {
	if m.To != "" && m.To[0] == '@' {
		out, err := k.caller.Deliver(ctx, m)
		return api.Bytes{B: out}, err
	}
	r, err := k.find(cmp.Or(m.At, m.To))
	if err != nil {
		return api.Bytes{}, err
	}
	if !k.lease.held.Load() {
		return api.Bytes{}, k.lease.err()
	}
	if r.leaving.Load() && strings.HasPrefix(m.From, r.Group()+"/") {
		return api.Bytes{}, abi.Errorf(abi.Unavailable, "%s is about to get another chain (the message was not delivered)", m.To)
	}
	p, err := r.partFor(m)
	if err != nil {
		return api.Bytes{}, err
	}
	if m.Layer == api.AnyLayer {
		ctx = context.WithValue(ctx, foreignKey{}, true)
	}
	out, err := p.Deliver(ctx, m)
	if late := r.late(); late != nil {
		return api.Bytes{}, late
	}
	return api.Bytes{B: out}, err
}

// serveFetch returns a replica's state for a private copy.
func (k *Kernel) serveFetch(ctx context.Context, _ *mux.Conn, ref api.ReplicaRef) (s api.Snapshot, err error) {
	r, err := k.at(ref)
	if err != nil {
		return s, err
	}
	if !k.lease.held.Load() {
		return s, k.lease.err()
	}
	err = r.Act(ctx, func(ctx context.Context) error {
		return r.view(ctx, func(ctx context.Context) error {
			x, err := r.guest.snapshot(ctx)
			s = api.Snapshot{Module: r.group.Load().Spec.Module, Version: x.Version, Image: x.Image}
			return err
		})
	})
	if late := r.late(); late != nil {
		return api.Snapshot{}, late
	}
	return s, err
}

// serveInspect says what a module is, or why it is refused.
func (k *Kernel) serveInspect(ctx context.Context, _ *mux.Conn, ref api.Ref) (api.Inspection, error) {
	m, err := k.modules.get(ctx, ref.Ref)
	if err != nil {
		return api.Inspection{}, err
	}
	b, err := json.Marshal(m.manifest)
	return api.Inspection{Manifest: b, Notes: m.program.Notes}, err
}

// serveChanged notes groups and nodes as they are now.
func (k *Kernel) serveChanged(_ context.Context, _ *mux.Conn, c api.Changed) (api.None, error) {
	if c.Nodes != nil {
		k.learnNodes(c.Nodes)
	}
	for _, g := range c.Groups {
		k.caller.Changed(g)
		if len(g.Replicas) == 0 {
			k.forgetMoved(g.ID)
		}
		for _, r := range k.all() {
			r.changed(&g)
		}
	}
	return api.None{}, nil
}

// forgetMoved forgets where the replicas of a deleted group went.
func (k *Kernel) forgetMoved(group string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.moved, func(peer string, _ api.Replica) bool { return strings.HasPrefix(peer, group+"/") })
}

// servePing answers at once: another kernel measures the way here and back.
func (k *Kernel) servePing(context.Context, *mux.Conn, api.None) (api.None, error) {
	return api.None{}, nil
}

// serveStatus says what runs here.
func (k *Kernel) serveStatus(context.Context, *mux.Conn, api.None) ([]api.ReplicaStatus, error) {
	var out []api.ReplicaStatus
	for _, r := range k.all() {
		u := r.guest.inst.Usage()
		out = append(out, api.ReplicaStatus{
			Peer: r.peer, Name: r.group.Load().Name, Epoch: r.epoch, Version: r.guest.version.Load(),
			Calls: r.calls.Load(), Memory: u.Memory, Fuel: u.Fuel,
		})
	}
	return out, nil
}
