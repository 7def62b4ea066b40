package wazero

import (
	"context"
	"os"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest"
)

type env struct{}

func (env) Invoke(ctx context.Context, r abi.Request) ([]byte, error) { return []byte{0x01}, nil }
func (env) Self() host.Identity                                       { return host.Identity{"a", "b", "c"} }
func (env) Config(string) (string, bool)                              { return "", false }
func (env) Log(int, string)                                           {}

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	os.WriteFile("/tmp/gg/guest.wasm", hosttest.Guest(), 0o644)
	p, err := host.Prepare(hosttest.Guest())
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	i, err := m.Instantiate(ctx, host.Config{Env: env{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Boot(ctx); err != nil {
		t.Fatal(err)
	}
	img, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if img, err = host.ParseImage(img.Marshal()); err != nil {
		t.Fatal(err)
	}
	for _, c := range "ceEgGHtlfrnxobhspkimRvWLq" {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		args, _ := abi.Args("abc")
		t0 := time.Now()
		v, err := i.Invoke(ctx, 0, 0, string(c), args)
		t.Logf("%c %x %v failed=%v %v %+v", c, v, err, i.Failed(), time.Since(t0), i.Usage())
		if i.Failed() {
			if err := i.Restore(context.Background(), img); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
	}
}

func BenchmarkInvoke(b *testing.B) {
	ctx := context.Background()
	p, _ := host.Prepare(hosttest.Guest())
	e, _ := New(ctx, Options{})
	m, _ := e.Compile(ctx, p)
	i, _ := m.Instantiate(ctx, host.Config{Env: env{}}, nil)
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Invoke(ctx, 0, 0, "c", nil); err != nil {
			b.Fatal(err)
		}
	}
}
