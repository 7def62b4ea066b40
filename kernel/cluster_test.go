package kernel

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
	"amino.run/host/wazero"
	"amino.run/internal/api"
)

// testEngine runs the guests of all tests; cacheDir is where it keeps them.
var (
	cacheDir   string
	testEngine = sync.OnceValue(func() *wazero.Engine {
		e, err := wazero.New(context.Background(), wazero.Options{CacheDir: cacheDir})
		if err != nil {
			panic(err)
		}
		return e
	})
)

func TestMain(m *testing.M) {
	var err error
	if cacheDir, err = os.MkdirTemp("", "kernel-test-*"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(cacheDir)
	os.Exit(code)
}

func readGuest(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func conformance(t testing.TB) []byte {
	return readGuest(t, "guest-sdks/c/conformance/conformance.wasm")
}

func counter(t *testing.T) []byte { return readGuest(t, "examples/counter/c/counter.wasm") }

func prepared(t testing.TB, wasm []byte) *host.Program {
	t.Helper()
	p, err := host.Prepare(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// compiled returns a module without asking anyone for it.
func compiled(t testing.TB, wasm []byte) *module {
	t.Helper()
	p := prepared(t, wasm)
	m, err := testEngine().Compile(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	described, err := host.Describe(t.Context(), p, m)
	if err != nil && !bytes.Equal(wasm, testguest.Binary()) { // which has none
		t.Fatal(err)
	}
	return &module{program: p, compiled: m, manifest: described}
}

// A testLog keeps what is logged.
type testLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *testLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A cluster is an OMS and its kernels, k1, k2 and so on.
type cluster struct {
	*testOMS
	t       testing.TB
	kernels []*Kernel
	log     testLog
}

// newCluster starts n kernels, each with a checkpoint store of its own.
func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c := &cluster{testOMS: newTestOMS(t), t: t}
	for i := range n {
		c.start("k"+string(rune('1'+i)), "")
	}
	return c
}

// start starts a kernel and waits until it is a member.
func (c *cluster) start(id, checkpoints string) *Kernel {
	c.t.Helper()
	k, err := Start(c.t.Context(), Config{
		ID: id, Listen: "127.0.0.1:0", OMS: c.addr, Data: c.t.TempDir(), Checkpoints: checkpoints,
		Labels: map[string]string{"name": id}, Engine: testEngine(), Log: c.log.logger(),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := k.Close(ctx); err != nil {
			c.t.Errorf("close %s: %v", id, err)
		}
	})
	eventually(c.t, id+" has a lease", k.lease.held.Load)
	c.kernels = append(c.kernels, k)
	return k
}

// deploy starts a microservice at a kernel.
func (c *cluster) deploy(k *Kernel, name string, wasm []byte, spec api.Spec) api.Group {
	c.t.Helper()
	g := c.group(c.t, k, name, wasm, spec)
	if _, err := tell[api.StartReply](c.testOMS, k, api.KernelStart, api.StartRequest{Group: g, Peer: g.Replicas[0].Peer, Epoch: 1}); err != nil {
		c.t.Fatalf("start %s: %v", name, err)
	}
	return g
}

// ref names the primary of a group.
func ref(g api.Group) api.ReplicaRef {
	return api.ReplicaRef{Peer: g.Replicas[0].Peer, Epoch: g.Replicas[0].Epoch}
}

// send does the first half of a move of the primary.
func (c *cluster) send(g api.Group, from, to *Kernel) (api.SendReply, error) {
	return tell[api.SendReply](c.testOMS, from, api.KernelSend, api.SendRequest{
		ReplicaRef: ref(g), To: to.node,
		Start: api.StartRequest{Group: g, Peer: g.Replicas[0].Peer, Epoch: g.Replicas[0].Epoch + 1},
	})
}

// move does all of it.
func (c *cluster) move(g *api.Group, from, to *Kernel) {
	c.t.Helper()
	old := ref(*g)
	if _, err := c.send(*g, from, to); err != nil {
		c.t.Fatal(err)
	}
	c.place(g, to)
	if _, err := tell[api.None](c.testOMS, to, api.KernelOpen, ref(*g)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := tell[api.None](c.testOMS, from, api.KernelForget, api.ForgetRequest{ReplicaRef: old, To: &g.Replicas[0]}); err != nil {
		c.t.Fatal(err)
	}
}

// try calls a method through a kernel, and decodes the result into a T.
func try[T any](k *Kernel, name, method string, args ...any) (v T, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	in, err := abi.Args(args...)
	if err != nil {
		return v, err
	}
	out, err := k.Call(ctx, name, method, in)
	if err != nil || len(out) == 0 {
		return v, err
	}
	return v, abi.Decode(out, &v)
}

// want calls a method and compares its result.
func want[T comparable](t *testing.T, k *Kernel, result T, name, method string, args ...any) {
	t.Helper()
	if got, err := try[T](k, name, method, args...); err != nil || got != result {
		t.Errorf("%s.%s%v = %v, %v; want %v", name, method, args, got, err, result)
	}
}

// verb sends a verb as a client does.
func verb(k *Kernel, name, verb string) ([]byte, error) {
	b, err := k.serveCall(context.Background(), nil, api.CallRequest{Name: name, Verb: verb})
	return b.B, err
}

// saves returns the files in which a kernel's store has the replicas of a group.
func saves(k *Kernel, g api.Group) []string {
	files, err := filepath.Glob(filepath.Join(k.store.dir, g.ID+"_*", "*.ckpt"))
	if err != nil {
		panic(err)
	}
	return files
}

// eventually waits until something has happened.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// closed reports whether a gate makes those wait who come.
func closed(g *gate) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := g.enter(ctx)
	if err == nil {
		g.leave()
	}
	return err == context.Canceled
}
