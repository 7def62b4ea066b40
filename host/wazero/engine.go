// Package wazero runs guests on the wazero engine: Go code that compiles Wasm
// to machine code of amd64 and arm64, and interprets it elsewhere.
package wazero

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"amino.run/abi"
	"amino.run/host"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Options configure an engine.
type Options struct {
	// CacheDir keeps compiled programs from one process to the next. It holds machine
	// code: nobody but the user may be able to write to it. "" is no such cache.
	CacheDir string

	// Interpret runs programs without compiling them, some ten times slower.
	Interpret bool
}

// features leaves out exceptions: in wazero 1.12.0 the garbage collector frees an
// exception that a guest still holds, which crashes the process when it is thrown
// again, and each try_table copies the whole stack.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// An Engine implements host.Engine.
type Engine struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache // nil if there is none

	mu       sync.Mutex
	compiled map[string]*compiled // by Program.Digest
}

var _ host.Engine = (*Engine)(nil)

// A compiled program is shared by all modules of one digest.
type compiled struct {
	once sync.Once
	code wazero.CompiledModule
	err  error
	refs int // guarded by Engine.mu
}

// New returns an engine.
func New(ctx context.Context, o Options) (*Engine, error) {
	c := wazero.NewRuntimeConfig()
	if o.Interpret {
		c = wazero.NewRuntimeConfigInterpreter()
	}
	c = c.WithCoreFeatures(features).WithMemoryLimitPages(host.MaxPages).WithDebugInfoEnabled(false)
	e := &Engine{compiled: map[string]*compiled{}}
	if o.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(o.CacheDir)
		if err != nil {
			return nil, abi.Errorf(abi.Storage, "the compilation cache cannot be used: %v", err)
		}
		e.cache = cache
		c = c.WithCompilationCache(cache)
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, c)
	if err := e.hostModules(ctx); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	return e, nil
}

// Compile implements host.Engine. A program that is compiled already is shared.
// ctx is looked at before, not during, the compilation.
func (e *Engine) Compile(ctx context.Context, p *host.Program) (host.Module, error) {
	if err := ctx.Err(); err != nil {
		return nil, abi.AsError(err)
	}
	e.mu.Lock()
	c := e.compiled[p.Digest]
	if c == nil {
		c = &compiled{}
		e.compiled[p.Digest] = c
	}
	c.refs++
	e.mu.Unlock()
	c.once.Do(func() { c.code, c.err = e.compile(ctx, p) })
	if c.err != nil {
		err := c.err
		return nil, errors.Join(err, e.release(ctx, p.Digest, c))
	}
	return &module{engine: e, shared: c, program: p}, nil
}

func (e *Engine) compile(ctx context.Context, p *host.Program) (code wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = abi.Errorf(abi.Refused, "the module is refused: the compiler failed on it: %v", r)
		}
	}()
	ctx = experimental.WithCompilationWorkers(context.WithoutCancel(ctx), runtime.GOMAXPROCS(0))
	code, err = e.runtime.CompileModule(ctx, p.Wasm)
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "the module is refused: it is not valid: %v", err)
	}
	return code, nil
}

// release gives up one use of a compiled program.
func (e *Engine) release(ctx context.Context, digest string, c *compiled) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.refs--; c.refs > 0 {
		return nil
	}
	if e.compiled[digest] == c {
		delete(e.compiled, digest)
	}
	if c.code == nil {
		return nil
	}
	return c.code.Close(ctx)
}

// Close implements host.Engine.
func (e *Engine) Close(ctx context.Context) error {
	err := e.runtime.Close(ctx)
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	return err
}

// A module implements host.Module.
type module struct {
	engine  *Engine
	shared  *compiled
	program *host.Program
	closed  sync.Once
}

var _ host.Module = (*module)(nil)

// Instantiate implements host.Module.
func (m *module) Instantiate(ctx context.Context, c host.Config, img *host.Image) (host.Instance, error) {
	i := newInstance(m, c.Env, c.Limits.MemoryPages(), c.Limits.Fuel, new(atomic.Uint64))
	if img == nil {
		img = m.program.Base
	}
	if err := i.check(img); err != nil {
		return nil, err
	}
	if err := i.build(ctx, img); err != nil {
		return nil, err
	}
	i.set(img)
	return i, nil
}

// Close implements host.Module.
func (m *module) Close(ctx context.Context) (err error) {
	m.closed.Do(func() { err = m.engine.release(ctx, m.program.Digest, m.shared) })
	return err
}

// build makes a new engine instance whose memory is that of img.
func (i *instance) build(ctx context.Context, img *host.Image) error {
	mem := &memory{limit: uint64(i.pages) * host.PageSize, first: uint64(img.Pages) * host.PageSize, size: &i.size}
	if err := i.instantiate(ctx, mem); err != nil {
		return err
	}
	img.CopyTo(i.bytes(), true)
	return nil
}

// instantiate makes a new engine instance with a memory.
func (i *instance) instantiate(ctx context.Context, mem *memory) error {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithArgs("guest").
		WithStdout(&i.stdout).WithStderr(&i.stderr).WithRandSource(chance{i.env}).
		WithWalltime(i.wall, 1).WithNanotime(i.monotonic, 1).WithNanosleep(i.sleep)
	ctx = experimental.WithMemoryAllocator(context.WithoutCancel(ctx), mem)
	mod, err := i.module.engine.runtime.InstantiateModule(ctx, i.module.shared.code, config)
	if err != nil {
		return abi.Errorf(abi.Refused, "the module is refused: it cannot be instantiated: %v", err)
	}
	i.mod, i.mem = mod, mem
	i.fuel = mod.ExportedGlobal(host.FuelExport).(api.MutableGlobal)
	i.globals = i.globals[:0]
	for _, name := range i.module.program.Globals {
		g, ok := mod.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return errors.Join(fmt.Errorf("the program lacks its global %s", name), mod.Close(ctx))
		}
		i.globals = append(i.globals, g)
	}
	return nil
}
