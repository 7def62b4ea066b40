package wasmdm

import (
	"context"
	"maps"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
)

// target is the microservice that stands for the kernel.
const target = "dm"

// A world is what a DM sees during one upcall.
type world struct {
	dms.Part
	caller dms.Caller // at a proxy, else nil
	callee dms.Callee // at an instance
	group  dms.Group  // at a coordinator
	next   dms.Handler
	call   *dms.Call // that is being carried out
	cells  *cells
}

// An env is the world of one instance: it implements host.Env.
type env struct {
	host.Alone
	w      *world
	passed error // the last error that a call of the chain returned
	sent   bool  // a call went on
}

func (e *env) begin(w *world) { e.w, e.passed, e.sent = w, nil, false }

// end returns the last error of the chain, and whether a call went on.
func (e *env) end() (passed error, sent bool) {
	passed, sent = e.passed, e.sent
	e.w, e.passed = nil, nil
	return passed, sent
}

// Invoke implements host.Env.
func (e *env) Invoke(ctx context.Context, r abi.Request) ([]byte, error) {
	if r.Target != target {
		return nil, abi.Errorf(abi.Refused, "a deployment manager calls no microservice but %q, and this is %q", target, r.Target)
	}
	do := primitives[r.Name]
	if do == nil || e.w == nil || e.w.Part == nil {
		return nil, abi.Errorf(abi.UnknownMethod, "%s has no method %q here; it has %s", target, r.Name, strings.Join(slices.Sorted(maps.Keys(primitives)), ", "))
	}
	var args []abi.Raw
	if err := abi.Decode(r.Args, &args); err != nil {
		return nil, abi.Errorf(abi.BadArgument, "%s.%s: %v", target, r.Name, err)
	}
	out, err := do(ctx, e, args)
	if err != nil {
		return nil, err
	}
	return abi.Encode(out)
}

// A primitive is something that a DM may ask of the kernel.
type primitive func(ctx context.Context, e *env, args []abi.Raw) (any, error)

// decode reads arguments into the variables that to points to.
func decode(args []abi.Raw, to ...any) error {
	if len(args) != len(to) {
		return abi.Errorf(abi.BadArgument, "%d arguments, not %d", len(args), len(to))
	}
	for i := range to {
		if err := abi.Decode(args[i], to[i]); err != nil {
			return abi.Errorf(abi.BadArgument, "argument %d: %v", i+1, err)
		}
	}
	return nil
}

// The forms in which a DM sees what package dms has types for.
type (
	node struct {
		ID     string            `cbor:"id"`
		Labels map[string]string `cbor:"labels"`
	}
	replica struct {
		Peer string `cbor:"peer"`
		Node node   `cbor:"node"`
	}
	call struct {
		ID       uint64 `cbor:"id"`
		Method   string `cbor:"method"`
		Verb     string `cbor:"verb"`
		Args     []byte `cbor:"args"`
		ReadOnly bool   `cbor:"read_only"`
		From     node   `cbor:"from"`
	}
	message struct{ Body []byte }
)

func viewNode(n dms.Node) node {
	labels := n.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return node{n.ID, labels}
}

func viewReplica(r dms.Replica) replica { return replica{string(r.Peer), viewNode(r.Node)} }

func viewCall(c dms.Call) call {
	return call{c.ID, c.Method, string(c.Verb), c.Args, c.ReadOnly, viewNode(c.From)}
}

// apply returns the call with what a DM may have changed of it.
func (v call) apply(c dms.Call) dms.Call {
	c.Method, c.Verb, c.Args = v.Method, dms.Verb(v.Verb), v.Args
	return c
}
