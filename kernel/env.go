package kernel

import (
	"context"
	"log/slog"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/kernel/caller"
)

// An env is what a guest sees of the world: it implements host.Env. All but its
// fixed fields belong to the call that is inside.
type env struct {
	host.Natural
	group   string // ID of the microservice
	id      host.Identity
	config  map[string]string
	caller  *caller.Caller
	log     *slog.Logger
	turn    *turn
	orders  []*turn // of the replica, where its chain keeps calls in order
	replica bool    // not a private copy

	call  dms.Call
	later []abi.Request // verbs the guest sent to itself
}

func (e *env) begin(call dms.Call) { e.call, e.later = call, nil }

// end returns the verbs that the guest sent to itself.
func (e *env) end() []abi.Request {
	later := e.later
	e.call, e.later = dms.Call{}, nil
	return later
}

// Invoke implements host.Env. The guest's turn stays taken meanwhile, marked as
// waiting. A verb that a guest sends to itself takes effect after its call.
func (e *env) Invoke(ctx context.Context, r abi.Request) ([]byte, error) {
	call := dms.Call{Args: r.Args, Client: e.call.Client, Root: e.call.Root, Tx: e.call.Tx}
	if r.Kind == abi.Verb {
		call.Verb = dms.Verb(r.Name)
	} else {
		call.Method = r.Name
	}
	if r.Target == e.id.Name && r.Kind == abi.Verb {
		if !e.replica || e.call.ID == 0 || e.call.Tx != "" {
			return nil, abi.Errorf(abi.Refused, "%s cannot send itself the verb %s from its constructor, in a transaction, or where a caching DM runs it beside its caller", r.Target, r.Name)
		}
		r.Args = append([]byte(nil), r.Args...)
		e.later = append(e.later, r)
		return nil, nil
	}
	call.Path = append(append(make([]string, 0, len(e.call.Path)+1), e.call.Path...), e.group)
	for _, t := range append([]*turn{e.turn}, e.orders...) {
		t.park()
		defer t.unpark()
	}
	return e.caller.Call(ctx, r.Target, call)
}

// Self implements host.Env.
func (e *env) Self() host.Identity { return e.id }

// Config implements host.Env.
func (e *env) Config(key string) (string, bool) {
	v, ok := e.config[key]
	return v, ok
}

var levels = [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

// Log implements host.Env.
func (e *env) Log(level int, text string) {
	e.log.Log(context.Background(), levels[min(max(level, 0), 3)], text, "microservice", e.id.Name, "replica", e.id.ID)
}
