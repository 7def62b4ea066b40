package kernel

import (
	"context"
	"sync"

	"amino.run/abi"
	"amino.run/dms"
)

func init() { dms.Register("Probe", func() dms.DM { return new(probe) }) }

// A probe is a DM by which tests see what a kernel does.
type probe struct {
	Recovers bool   `doc:"go back to what was saved, after a failure"`
	Spoil    string `doc:"a method whose answers become errors"`
	Break    string `doc:"where to panic: build or recover"`
}

func (*probe) Concerns() dms.Concerns {
	return dms.Concerns{Verbs: []dms.Verb{"kept", "note", "save", "restore", "panic", "panic-at-caller"}}
}

type (
	question struct{ Panic bool }
	reply    struct {
		Kept int
		From string
	}
)

// passed has, for each call, how often it left a caller and where it arrived.
var passed struct {
	sync.Mutex
	left    map[uint64]int
	arrived map[uint64][]string
}

func resetPassed() {
	passed.Lock()
	defer passed.Unlock()
	passed.left, passed.arrived = map[uint64]int{}, map[uint64][]string{}
}

func (d *probe) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	dms.Answer(c, func(_ context.Context, from dms.Peer, q question) (reply, error) {
		if q.Panic {
			panic("the proxy was asked to")
		}
		return reply{-1, string(from)}, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb == "panic-at-caller" {
			panic("the proxy fell over")
		}
		passed.Lock()
		if passed.left != nil {
			passed.left[call.ID]++
		}
		passed.Unlock()
		return next(ctx, call)
	}
}

func (d *probe) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	if d.Break == "build" {
		panic("the instance manager cannot be built")
	}
	if d.Recovers {
		c.OnRecover(func(ctx context.Context) error {
			if d.Break == "recover" {
				panic("the instance manager cannot recover")
			}
			return dms.LoadLast(ctx, c)
		})
	}
	var mu sync.Mutex // the kernel reads the cell without it, when the gate is quiet
	kept := dms.Keep(c, "kept", 0)
	add := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		*kept += n
		return *kept
	}
	dms.Answer(c, func(_ context.Context, from dms.Peer, q question) (reply, error) {
		if q.Panic {
			panic("the instance manager was asked to")
		}
		return reply{add(0), string(from)}, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		passed.Lock()
		if passed.arrived != nil {
			passed.arrived[call.ID] = append(passed.arrived[call.ID], c.Here().ID)
		}
		passed.Unlock()
		switch call.Verb {
		case "kept":
			return abi.Encode(add(0))
		case "note":
			return abi.Encode(add(100))
		case "save":
			return nil, dms.SaveNow(ctx, c)
		case "restore":
			s, err := c.Snapshot(ctx)
			if err != nil {
				return nil, err
			}
			return nil, c.Restore(ctx, s)
		case "panic":
			panic("the instance manager fell over")
		}
		add(1)
		out, err := next(ctx, call)
		if err == nil && call.Method == d.Spoil && d.Spoil != "" {
			return nil, abi.ErrConflict
		}
		return out, err
	}
}

func init() { dms.Register("KeepNothing", func() dms.DM { return new(keepNothing) }) }

// A keepNothing is a DM without a part at callers and replicas.
type keepNothing struct{}

func (*keepNothing) Coordinator(dms.Group) {}
