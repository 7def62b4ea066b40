package wazero

import (
	"context"
	"sync"
	"sync/atomic"
	"weak"

	"amino.run/abi"
	"amino.run/host"
	"github.com/tetratelabs/wazero/api"
)

// An instance implements host.Instance.
type instance struct {
	module *module
	env    host.Env
	pages  uint32 // at most
	budget uint64 // fuel of one call; 0 is no limit

	mu      sync.Mutex // held while a call is inside
	failed  atomic.Bool
	closing chan struct{}
	closed  sync.Once

	mod            api.Module
	mem            *memory
	globals        []api.MutableGlobal
	fuel           api.MutableGlobal
	alloc, invoke  api.Function // nil until used
	entry          entry
	stack          [2]uint64
	clock          clock
	stdout, stderr lines
	last           weak.Pointer[host.Image] // what the next image may share chunks with

	size atomic.Uint64 // for Usage
	used *atomic.Uint64
}

// newInstance returns an instance without an engine instance.
func newInstance(m *module, env host.Env, pages uint32, budget uint64, used *atomic.Uint64) *instance {
	i := &instance{module: m, env: env, pages: pages, budget: budget, used: used, closing: make(chan struct{})}
	i.entry.instance = i
	i.stdout, i.stderr = lines{env: env, level: 1}, lines{env: env, level: 2}
	return i
}

var _ host.Instance = (*instance)(nil)

// lock enters the instance for one method. The caller unlocks mu.
func (i *instance) lock() *abi.Error {
	if !i.mu.TryLock() {
		return abi.Errorf(abi.Reentrant, "a call is inside the instance")
	}
	select {
	case <-i.closing:
		i.mu.Unlock()
		return abi.Errorf(abi.Unavailable, "the instance is closed")
	default:
		return nil
	}
}

// ready is lock for methods that need an intact guest.
func (i *instance) ready() *abi.Error {
	if i.failed.Load() {
		return abi.Errorf(abi.Internal, "the instance has failed and must be restored before it is used")
	}
	return i.lock()
}

// fail makes the instance refuse to be entered and returns err.
func (i *instance) fail(err *abi.Error) *abi.Error {
	i.failed.Store(true)
	i.alloc, i.invoke = nil, nil // their stacks may have grown to hundreds of megabytes
	return err
}

// Boot implements host.Instance.
func (i *instance) Boot(ctx context.Context) error {
	for _, name := range []string{host.StartExport, abi.ExportInit} {
		if err := i.hook(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Resume implements host.Instance.
func (i *instance) Resume(ctx context.Context) error { return i.hook(ctx, abi.ExportResume) }

// hook calls an export of type () if there is one.
func (i *instance) hook(ctx context.Context, name string) error {
	if err := i.ready(); err != nil {
		return err
	}
	defer i.mu.Unlock()
	if f := i.mod.ExportedFunction(name); f != nil {
		if err := i.enter(ctx, f, i.stack[:0]); err != nil {
			err.Msg += " (in " + name + ")"
			return err
		}
	}
	return nil
}

// enter runs f with its parameters in stack, where it leaves its result.
func (i *instance) enter(ctx context.Context, f api.Function, stack []uint64) *abi.Error {
	i.entry.begin(ctx)
	err := f.CallWithStack(&i.entry, stack)
	i.entry.end()
	if err != nil {
		return i.fail(i.failure(err))
	}
	if i.mem.lost != nil {
		return i.fail(i.mem.exhausted())
	}
	return nil
}

// Snapshot implements host.Instance.
func (i *instance) Snapshot() (*host.Image, error) {
	if err := i.ready(); err != nil {
		return nil, err
	}
	defer i.mu.Unlock()
	globals := make([]uint64, len(i.globals))
	for k, g := range i.globals {
		globals[k] = g.Get()
	}
	img := host.Capture(i.module.program.Digest, i.bytes(), globals, i.clock.now(), i.last.Value())
	i.last = weak.Make(img)
	return img, nil
}

// bytes returns the whole memory, not a copy.
func (i *instance) bytes() []byte {
	m := i.mod.Memory()
	b, _ := m.Read(0, m.Size())
	return b
}

// check refuses an image that is not of this module or too large.
func (i *instance) check(img *host.Image) error {
	if img.Program != i.module.program.Digest {
		return abi.Errorf(abi.Refused, "the snapshot is of module %.12s, not of %.12s", img.Program, i.module.program.Digest)
	}
	if len(img.Globals) != len(i.module.program.Globals) || img.Pages < i.module.program.Base.Pages {
		return abi.Errorf(abi.Storage, "the snapshot does not have the form of its module: it is damaged")
	}
	if img.Pages > i.pages {
		return abi.Errorf(abi.MemoryLimit, "the guest needs %d pages of 64 KiB of memory; its limit is %d", img.Pages, i.pages)
	}
	return nil
}

// Restore implements host.Instance.
func (i *instance) Restore(ctx context.Context, img *host.Image) error {
	if err := i.lock(); err != nil {
		return err
	}
	defer i.mu.Unlock()
	if err := i.check(img); err != nil {
		return err
	}
	i.failed.Store(true) // until it is done
	if err := i.resize(ctx, img); err != nil {
		return err
	}
	i.set(img)
	i.failed.Store(false)
	return nil
}

// resize makes the memory that of img. The engine's memory cannot shrink, so
// that a smaller one takes a new engine instance.
func (i *instance) resize(ctx context.Context, img *host.Image) error {
	m := i.mod.Memory()
	have := m.Size() / host.PageSize
	if have < img.Pages {
		if _, ok := m.Grow(img.Pages - have); ok {
			have = img.Pages
		}
	}
	if have == img.Pages {
		img.CopyTo(i.bytes(), false)
		return nil
	}
	old := i.mod
	i.alloc, i.invoke = nil, nil
	if err := i.build(ctx, img); err != nil {
		return err
	}
	return old.Close(ctx)
}

// set sets all of the state but the memory.
func (i *instance) set(img *host.Image) {
	for k, g := range i.globals {
		g.Set(img.Globals[k])
	}
	i.clock.forward(max(img.Clock, firstTime))
	i.last = weak.Make(img)
}

// Failed implements host.Instance.
func (i *instance) Failed() bool { return i.failed.Load() }

// Usage implements host.Instance.
func (i *instance) Usage() host.Usage {
	return host.Usage{Memory: i.size.Load(), Fuel: i.used.Load()}
}

// Close implements host.Instance.
func (i *instance) Close(ctx context.Context) (err error) {
	i.closed.Do(func() {
		close(i.closing)
		i.mu.Lock() // memory must stay until the call inside has left
		defer i.mu.Unlock()
		err = i.mod.Close(context.WithoutCancel(ctx))
	})
	return err
}
