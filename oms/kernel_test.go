package oms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// A kernel is a kernel server for tests: its replicas are numbers. It does with them what
// kernels do, as far as the OMS can see.
type kernel struct {
	node   api.Node
	net    *network
	router *mux.Router

	mu       sync.Mutex
	inc      uint64
	done     chan struct{} // of the stream; nil while there is none
	dead     bool          // killed
	replicas map[string]*replica
	fails    map[string][]fault // by name, of the next calls
	groups   map[string]api.Group
	nodes    []api.Node
	slow     time.Duration // to start a replica
	onSlow   func()        // meanwhile
	cells    int           // layers it was given last
	answers  func(api.AskRequest) ([]byte, error)
	held     map[string]uint64 // groups whose callers are held, and by which switch
	busy     int               // how often it says that callers are inside

	inspected atomic.Int64
}

type replica struct {
	module   string
	epoch    uint64
	closed   bool
	state    int
	recovers bool
	follows  bool // another has the newest state
}

// A fault is what becomes of a call.
type fault int

const (
	unsent   fault = iota // it does not reach the kernel
	unheard               // it is carried out and the answer is lost
	refusing              // it is refused
	omsCrash              // the OMS crashes before it
	omsGone               // the OMS crashes after it
	dying                 // the kernel is killed before it
)

// fail makes the next calls of a name fail.
func (k *kernel) fail(name string, faults ...fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails[name] = append(k.fails[name], faults...)
}

func (k *kernel) connect() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done = make(chan struct{})
}

// hangUp ends the kernel's stream.
func (k *kernel) hangUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.done != nil {
		close(k.done)
		k.done = nil
	}
}

func (k *kernel) alive() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.done != nil
}

func (k *kernel) join() error {
	k.connect()
	k.dead = false
	go k.renew()
	_, err := k.net.oms.Join(context.Background(), k, api.JoinRequest{Node: k.node, Incarnation: k.inc})
	return err
}

// renew renews the lease each ttl/3 until the stream is over.
func (k *kernel) renew() {
	for done := k.Done(); ; {
		select {
		case <-time.After(10 * time.Second / 3):
		case <-done:
			return
		}
		_, _ = k.net.oms.Renew(context.Background(), k, api.RenewRequest{Node: k.node.ID, Incarnation: k.inc})
	}
}

// kill ends the kernel's process.
func (k *kernel) kill() {
	k.hangUp()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = true
	clear(k.replicas)
	clear(k.held)
}

// restart makes the kernel a new process that holds nothing.
func (k *kernel) restart() error {
	k.kill()
	k.inc++
	return k.join()
}

// Done implements oms.Kernel.
func (k *kernel) Done() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.done == nil {
		over := make(chan struct{})
		close(over)
		return over
	}
	return k.done
}

// Call implements oms.Kernel.
func (k *kernel) Call(ctx context.Context, body []byte) ([]byte, error) {
	name := string(body[1 : 1+body[0]])
	k.mu.Lock()
	gone, f := k.done == nil, fault(-1)
	if next := k.fails[name]; len(next) > 0 {
		f, k.fails[name] = next[0], next[1:]
	}
	k.mu.Unlock()
	switch {
	case gone:
		return nil, abi.Errorf(abi.Unavailable, "%s is gone", k.node.ID)
	case f == unsent:
		k.net.hear("%s %s lost on its way", k.node.ID, name)
		return nil, abi.ErrUnavailable
	case f == refusing:
		k.net.hear("%s %s refused", k.node.ID, name)
		return nil, abi.Errorf(abi.Trap, "the guest trapped")
	case f == dying:
		k.net.hear("%s dies before %s", k.node.ID, name)
		k.kill()
		return nil, abi.ErrUnavailable
	case f == omsCrash:
		return nil, k.net.die()
	}
	out, err := k.router.Serve(ctx, nil, body)
	switch f {
	case unheard:
		k.net.hear("%s answer lost", k.node.ID)
		return nil, abi.ErrUnavailable
	case omsGone:
		return nil, k.net.die()
	}
	return out, err
}

func (k *kernel) handlers() {
	handle(k, api.KernelInspect, func(req api.Ref) (api.Inspection, error) {
		k.inspected.Add(1)
		wasm, err := k.net.oms.GetModule(context.Background(), req)
		if err != nil {
			return api.Inspection{}, err
		}
		if !json.Valid(wasm) {
			return api.Inspection{}, abi.Errorf(abi.Refused, "not a Wasm module")
		}
		return api.Inspection{Manifest: wasm}, nil
	})
	handle(k, api.KernelStart, k.start)
	handle(k, api.KernelSend, k.send)
	handle(k, api.KernelOpen, func(ref api.ReplicaRef) (api.None, error) {
		r, err := k.find(ref)
		if err == nil {
			r.closed = false
		}
		k.net.hear("%s open %s e%d%s", k.node.ID, ref.Peer, ref.Epoch, failed(err))
		return api.None{}, err
	})
	handle(k, api.KernelForget, func(req api.ForgetRequest) (api.None, error) {
		_, err := k.find(req.ReplicaRef)
		if err == nil {
			delete(k.replicas, req.Peer)
		}
		to := ""
		if req.To != nil {
			to = " to " + showReplica(*req.To)
		}
		k.net.hear("%s forget %s e%d%s%s", k.node.ID, req.Peer, req.Epoch, to, failed(err))
		return api.None{}, err
	})
	handle(k, api.KernelCapture, func(ref api.ReplicaRef) (api.Snapshot, error) {
		r, err := k.find(ref)
		if err != nil {
			return api.Snapshot{}, err
		}
		return api.Snapshot{Module: r.module, Image: fmt.Append(nil, r.state)}, nil
	})
	handle(k, api.KernelChanged, func(c api.Changed) (api.None, error) {
		for _, g := range c.Groups {
			k.groups[g.ID] = g
		}
		if c.Nodes != nil {
			k.nodes = c.Nodes
		}
		return api.None{}, nil
	})
	handle(k, api.KernelStatus, func(api.None) (all []api.ReplicaStatus, _ error) {
		for _, peer := range slices.Sorted(maps.Keys(k.replicas)) {
			all = append(all, api.ReplicaStatus{Peer: peer, Epoch: k.replicas[peer].epoch})
		}
		return all, nil
	})
	k.switches()
	handle(k, api.KernelAsk, func(req api.AskRequest) (api.Bytes, error) {
		k.net.hear("%s ask %s %s", k.node.ID, req.To, req.Kind)
		if k.answers == nil {
			return api.Bytes{}, abi.ErrUnavailable
		}
		b, err := k.answers(req)
		return api.Bytes{B: b}, err
	})
}

// handle has f answer one request at a time.
func handle[Req, Resp any](k *kernel, name string, f func(Req) (Resp, error)) {
	locked := name != api.KernelSend && name != api.KernelSucceed && name != api.KernelHold && name != api.KernelInspect && name != api.KernelStart
	mux.Handle(k.router, name, func(_ context.Context, _ *mux.Conn, req Req) (Resp, error) {
		if locked {
			k.mu.Lock()
			defer k.mu.Unlock()
		}
		return f(req)
	})
}

func failed(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func (k *kernel) find(ref api.ReplicaRef) (*replica, error) {
	r := k.replicas[ref.Peer]
	switch {
	case r == nil:
		return nil, abi.ErrNotFound
	case r.epoch != ref.Epoch:
		return nil, abi.ErrMoved
	}
	return r, nil
}

// start starts a replica: with a snapshot's number, the saved one, or 0.
func (k *kernel) start(req api.StartRequest) (api.StartReply, error) {
	if k.slow > 0 {
		if k.onSlow != nil {
			k.onSlow()
		}
		time.Sleep(k.slow)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	how := ""
	r := &replica{module: req.Group.Spec.Module, epoch: req.Epoch, closed: req.Closed, recovers: slices.Contains(req.Group.Spec.DMs, "TestDurable")}
	if req.Snapshot != nil {
		how += " from snapshot"
		k.cells = len(req.Snapshot.Cells)
		fmt.Sscan(string(req.Snapshot.Image), &r.state)
	}
	if req.Recover {
		how += " recovering"
		r.state = k.net.saved(k.node, req.Peer)
	}
	if req.Resume {
		how += " resumed"
	}
	if req.Closed {
		how += " closed"
	}
	k.net.hear("%s start %s e%d%s", k.node.ID, req.Peer, req.Epoch, how)
	if k.replicas[req.Peer] != nil {
		return api.StartReply{}, abi.Errorf(abi.Exists, "%s holds %s already", k.node.ID, req.Peer)
	}
	k.replicas[req.Peer] = r
	return api.StartReply{Recovers: r.recovers}, nil
}

func (k *kernel) send(req api.SendRequest) (api.SendReply, error) {
	k.mu.Lock()
	r, err := k.find(req.ReplicaRef)
	if err == nil {
		r.closed = true
		req.Start.Snapshot = &api.Snapshot{Image: fmt.Append(nil, r.state)}
	}
	k.mu.Unlock()
	k.net.hear("%s send %s e%d to %s%s", k.node.ID, req.Peer, req.Epoch, req.To.ID, failed(err))
	if err != nil {
		return api.SendReply{}, err
	}
	to := k.net.kernels[req.To.ID]
	if !to.alive() {
		return api.SendReply{}, abi.Errorf(abi.Unavailable, "%s is gone", req.To.ID)
	}
	reply, err := to.start(req.Start)
	if err != nil {
		return api.SendReply{}, err
	}
	if req.Keep {
		k.mu.Lock()
		r.closed = false
		k.mu.Unlock()
	}
	return api.SendReply{Bytes: 100, Recovers: reply.Recovers}, nil
}

// save writes the number of a replica where a node of the same store finds it.
func (k *kernel) save(peer string, state int) {
	k.mu.Lock()
	k.replicas[peer].state = state
	k.mu.Unlock()
	k.net.mu.Lock()
	defer k.net.mu.Unlock()
	k.net.saves[k.node.Store+k.store()+peer] = state
}

func (k *kernel) store() string {
	if k.node.Store == "" {
		return "@" + k.node.ID
	}
	return ""
}

// show says what kernels hold.
func (k *kernel) show() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, peer := range slices.Sorted(maps.Keys(k.replicas)) {
		r := k.replicas[peer]
		s := fmt.Sprintf("%s=%d e%d", peer, r.state, r.epoch)
		if r.closed {
			s += " closed"
		}
		all = append(all, s)
	}
	for _, group := range slices.Sorted(maps.Keys(k.held)) {
		all = append(all, "holds callers of "+group)
	}
	return fmt.Sprintf("%s: %s", k.node.ID, strings.Join(all, ", "))
}
