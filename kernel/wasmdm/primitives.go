package wasmdm

import (
	"context"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// primitives are the methods of "dm". One that a part does not have is refused.
var primitives = map[string]primitive{
	"here": here, "replicas": replicas, "rand": random, "sleep": sleep,
	"get": get, "set": set, "swap": swap,
	"ask": ask, "tell": tell,
	"next": next, "invoke": invoke,
	"self":    atInstance(func(_ context.Context, c dms.Callee) (any, error) { return viewReplica(c.Self()), nil }),
	"version": atInstance(func(_ context.Context, c dms.Callee) (any, error) { return c.Version(), nil }),
	"save":    atInstance(func(ctx context.Context, c dms.Callee) (any, error) { return nil, dms.SaveNow(ctx, c) }),
	"load":    atInstance(func(ctx context.Context, c dms.Callee) (any, error) { return nil, dms.LoadLast(ctx, c) }),
	"origin":  atGroup(origin), "nodes": atGroup(nodes), "replicate": atGroup(replicate),
	"move": atGroup(move), "remove": atGroup(remove),
}

func here(_ context.Context, e *env, args []abi.Raw) (any, error) {
	return viewNode(e.w.Here()), decode(args)
}

func random(_ context.Context, e *env, args []abi.Raw) (any, error) {
	n := 0
	if err := decode(args, &n); err != nil || n <= 0 {
		return nil, abi.Errorf(abi.BadArgument, "rand takes a number above zero")
	}
	return e.w.Rand(n), nil
}

func replicas(_ context.Context, e *env, args []abi.Raw) (any, error) {
	all := []replica{}
	for _, r := range e.w.Replicas() {
		all = append(all, viewReplica(r))
	}
	return all, decode(args)
}

func sleep(ctx context.Context, _ *env, args []abi.Raw) (any, error) {
	ms := 0
	if err := decode(args, &ms); err != nil {
		return nil, err
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func get(_ context.Context, e *env, args []abi.Raw) (any, error) {
	var name string
	if err := decode(args, &name); err != nil {
		return nil, err
	}
	if b := e.w.cells.get(name); b != nil {
		return b, nil
	}
	return nil, nil
}

func set(_ context.Context, e *env, args []abi.Raw) (any, error) {
	var name string
	var value []byte
	if err := decode(args, &name, &value); err != nil {
		return nil, err
	}
	e.w.cells.set(name, value)
	return nil, nil
}

func swap(_ context.Context, e *env, args []abi.Raw) (any, error) {
	var name string
	var old, value []byte
	if err := decode(args, &name, &old, &value); err != nil {
		return nil, err
	}
	return e.w.cells.swap(name, old, value), nil
}

func ask(ctx context.Context, e *env, args []abi.Raw) (any, error) {
	var to string
	var m message
	if err := decode(args, &to, &m.Body); err != nil {
		return nil, err
	}
	if e.w.callee != nil && dms.Peer(to) == dms.Coordinator {
		return nil, abi.Errorf(abi.Refused, "an instance asks its coordinator, which may be waiting for it; use tell")
	}
	return dms.Ask[[]byte](ctx, e.w.Part, dms.Peer(to), m)
}

func tell(_ context.Context, e *env, args []abi.Raw) (any, error) {
	var to string
	var m message
	if err := decode(args, &to, &m.Body); err != nil {
		return nil, err
	}
	dms.Tell(e.w.Part, dms.Peer(to), m)
	return nil, nil
}

// next lets the call go on.
func next(ctx context.Context, e *env, args []abi.Raw) (any, error) {
	var v call
	if err := decode(args, &v); err != nil {
		return nil, err
	}
	if e.w.call == nil || e.w.next == nil {
		return nil, abi.Errorf(abi.Refused, "there is no call to go on with here")
	}
	return e.went(e.w.next(ctx, v.apply(*e.w.call)))
}

// invoke sends the call to a replica.
func invoke(ctx context.Context, e *env, args []abi.Raw) (any, error) {
	var peer string
	var v call
	if err := decode(args, &peer, &v); err != nil {
		return nil, err
	}
	if e.w.call == nil || e.w.caller == nil {
		return nil, abi.Errorf(abi.Refused, "only a proxy chooses a replica for a call")
	}
	all := e.w.Replicas()
	i := slices.IndexFunc(all, func(r dms.Replica) bool { return string(r.Peer) == peer })
	if i < 0 {
		return nil, abi.Errorf(abi.NotFound, "there is no replica %q", peer)
	}
	return e.went(e.w.caller.Invoke(ctx, all[i], v.apply(*e.w.call)))
}

// went notes that the call went on, and what came back.
func (e *env) went(out []byte, err error) (any, error) {
	e.sent = true
	if err != nil {
		e.passed = err
		return nil, err
	}
	if out == nil {
		out = []byte{}
	}
	return out, nil
}

// atInstance is a primitive without arguments that only an instance has.
func atInstance(f func(ctx context.Context, c dms.Callee) (any, error)) primitive {
	return func(ctx context.Context, e *env, args []abi.Raw) (any, error) {
		if e.w.callee == nil {
			return nil, abi.Errorf(abi.Refused, "only an instance has that")
		}
		if err := decode(args); err != nil {
			return nil, err
		}
		return f(ctx, e.w.callee)
	}
}
