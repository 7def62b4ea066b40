package wasmdm

import (
	"context"
	"errors"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
)

// The limits of an upcall.
const (
	memory     = 64 << 20         // bytes
	fuel       = 50_000_000       // loop turns and calls
	upcallTime = 10 * time.Second // of those that serve no call
	maxIdle    = 64               // instances that wait for an upcall, of one part
)

// A pool has the instances of a DM for one part. It may be used by many goroutines
// at once.
type pool struct {
	dm *DM

	mu    sync.Mutex
	idle  []*worker
	born  *host.Image // the state after the constructor; nil until it is known
	ended bool
}

// A worker is an instance and its view of the world.
type worker struct {
	inst host.Instance
	env  *env
}

func (x *worker) close() { x.inst.Close(context.Background()) }

// newPool returns a pool that ends with a part.
func newPool(d *DM, part dms.Part) *pool {
	p := &pool{dm: d}
	part.OnEnd(p.end)
	return p
}

// end closes the instances; one that is in use, when it is idle.
func (p *pool) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, x := range p.idle {
		x.close()
	}
	p.idle = nil
}

// upcall calls a method of the DM in the world w and returns what it answers, CBOR.
func (p *pool) upcall(ctx context.Context, w *world, method string, args ...any) ([]byte, error) {
	raw, err := abi.Args(args...)
	if err != nil {
		return nil, err
	}
	x, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	x.env.begin(w)
	out, err := x.inst.Invoke(ctx, abi.Method, 0, method, raw)
	passed, sent := x.env.end()
	if x.inst.Failed() {
		x.close()
		return nil, p.broken(err, sent)
	}
	p.give(x)
	if err != nil && same(err, passed) {
		return nil, passed
	}
	return out, err
}

// broken is what a caller is told when the DM traps.
func (p *pool) broken(err error, sent bool) error {
	ran := "the call did not run"
	if sent {
		ran = "the call may have run"
	}
	return abi.Errorf(abi.Unavailable, "the deployment manager %s failed (%s): %v", p.dm.t.manifest.Name, ran, err)
}

// same reports whether err is passed as it came back from the guest, which knows
// no more of it than its code and message.
func same(err, passed error) bool {
	var a, b *abi.Error
	return errors.As(err, &a) && errors.As(passed, &b) && a.Code == b.Code && a.Msg == b.Error()
}

// take returns an instance that no one uses, a new one if there is none.
func (p *pool) take(ctx context.Context) (*worker, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		x := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return x, nil
	}
	born := p.born
	p.mu.Unlock()
	if born == nil {
		return p.prototype(ctx)
	}
	return p.start(ctx, born)
}

// give makes an instance idle.
func (p *pool) give(x *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.idle) >= maxIdle {
		x.close()
		return
	}
	p.idle = append(p.idle, x)
}

func (p *pool) start(ctx context.Context, img *host.Image) (*worker, error) {
	e := new(env)
	inst, err := p.dm.t.module.Instantiate(ctx, host.Config{Env: e, Limits: host.Limits{Memory: memory, Fuel: fuel}}, img)
	if err != nil {
		return nil, err
	}
	return &worker{inst, e}, nil
}

// prototype returns an instance that has run its constructor; later ones start
// from its state.
func (p *pool) prototype(ctx context.Context) (*worker, error) {
	args, err := p.dm.args()
	if err != nil {
		return nil, err
	}
	x, err := p.start(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err = x.inst.Boot(ctx); err == nil {
		_, err = x.inst.Invoke(ctx, abi.Constructor, 0, "", args)
	}
	var born *host.Image
	if err == nil {
		born, err = x.inst.Snapshot()
	}
	if err != nil {
		x.close()
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.born = born
	return x, nil
}
