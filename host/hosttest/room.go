package hosttest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
)

// A room is an engine with the test guest compiled.
type room struct {
	engine  host.Engine
	program *host.Program
	module  host.Module
}

func open(t *testing.T, engine host.Engine) *room {
	r := &room{engine: engine}
	r.program, r.module = Compile(t, engine, testguest.Binary())
	return r
}

// Compile prepares and compiles a module and closes it when the test ends.
func Compile(t testing.TB, engine host.Engine, module []byte) (*host.Program, host.Module) {
	t.Helper()
	p, err := host.Prepare(module)
	if err != nil {
		t.Fatal(err)
	}
	m, err := engine.Compile(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(context.Background()) })
	return p, m
}

// Start returns an instance of m that is closed when the test ends: booted, or
// with the state of img.
func Start(t testing.TB, m host.Module, c host.Config, img *host.Image) host.Instance {
	t.Helper()
	ctx := context.Background()
	if c.Env == nil {
		c.Env = &Env{}
	}
	i, err := m.Instantiate(ctx, c, img)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close(ctx) })
	if img == nil {
		if err := i.Boot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func (r *room) start(t *testing.T, l host.Limits) host.Instance {
	t.Helper()
	return Start(t, r.module, host.Config{Limits: l}, nil)
}

// call calls a method that is to succeed.
func call(t testing.TB, i host.Instance, method string, args ...byte) []byte {
	t.Helper()
	v, err := i.Invoke(context.Background(), abi.Method, 0, method, args)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

// number calls a method that answers a number.
func number(t testing.TB, i host.Instance, method string) uint64 {
	t.Helper()
	v := call(t, i, method)
	if len(v) != 9 || v[0] != 0x48 {
		t.Fatalf("%s answered %x, which is no number", method, v)
	}
	return binary.LittleEndian.Uint64(v[1:])
}

// fails calls a method that is to end in an error of a code.
func fails(t testing.TB, ctx context.Context, i host.Instance, method string, want abi.Code) error {
	t.Helper()
	v, err := i.Invoke(ctx, abi.Method, 0, method, nil)
	if abi.CodeOf(err) != want {
		t.Fatalf("%s: %x, %v (%v); want an error of code %v", method, v, err, abi.CodeOf(err), want)
	}
	return err
}

func snapshot(t testing.TB, i host.Instance) *host.Image {
	t.Helper()
	img, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func restore(t testing.TB, i host.Instance, img *host.Image) {
	t.Helper()
	if err := i.Restore(context.Background(), img); err != nil {
		t.Fatal(err)
	}
}

// soon is a context that ends before a guest that loops for ever does.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// An Env is a guest's world in a test. Its zero value knows nobody.
type Env struct {
	host.Natural
	OnInvoke  func(ctx context.Context, r abi.Request) ([]byte, error)
	Settings  map[string]string
	Sleepless bool // it wakes who sleeps at once

	mu  sync.Mutex
	log []string
}

var _ host.Env = (*Env)(nil)

// Invoke implements host.Env.
func (e *Env) Invoke(ctx context.Context, r abi.Request) ([]byte, error) {
	if e.OnInvoke == nil {
		return nil, errors.New("nobody is there")
	}
	return e.OnInvoke(ctx, r)
}

// Sleep implements host.Nature.
func (e *Env) Sleep(d time.Duration) time.Duration {
	if e.Sleepless {
		return 0
	}
	return d
}

// Self implements host.Env.
func (e *Env) Self() host.Identity { return host.Identity{Name: "guest", ID: "guest/0", Node: "n1"} }

// Config implements host.Env.
func (e *Env) Config(key string) (string, bool) {
	v, ok := e.Settings[key]
	return v, ok
}

// Log implements host.Env.
func (e *Env) Log(level int, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, fmt.Sprintf("%d %s", level, text))
}

// Lines returns what was logged, each line with its level before it.
func (e *Env) Lines() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.log...)
}
