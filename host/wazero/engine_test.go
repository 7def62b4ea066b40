package wazero

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest"
	"amino.run/host/hosttest/testguest"
	. "amino.run/internal/wasm/asm"
)

func TestCompileShares(t *testing.T) {
	ctx := context.Background()
	e := engine(t, Options{})
	p, err := host.Prepare(testguest.Binary())
	if err != nil {
		t.Fatal(err)
	}
	modules := make([]host.Module, 8)
	var all sync.WaitGroup
	for k := range modules {
		all.Go(func() {
			m, err := e.Compile(ctx, p)
			if err != nil {
				t.Error(err)
			}
			modules[k] = m
		})
	}
	all.Wait()
	if len(e.compiled) != 1 || e.compiled[p.Digest].refs != len(modules) {
		t.Fatalf("%d programs are compiled", len(e.compiled))
	}
	for _, m := range modules[1:] {
		m.Close(ctx)
		m.Close(ctx) // a second time changes nothing
	}
	i := hosttest.Start(t, modules[0], host.Config{}, nil)
	if _, err := i.Invoke(ctx, abi.Method, 0, "c", nil); err != nil {
		t.Error("closing other modules of the program broke this one:", err)
	}
	i.Close(ctx)
	modules[0].Close(ctx)
	if len(e.compiled) != 0 {
		t.Error("a program that nobody uses is kept")
	}
}

func TestCompileRefuses(t *testing.T) {
	e := engine(t, Options{})
	p, err := host.Prepare(guest("", Drop, I64Const(0)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.Compile(context.Background(), p); abi.CodeOf(err) != abi.Refused {
			t.Error(err)
		}
	}
	if len(e.compiled) != 0 {
		t.Error("a program that failed is kept")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Compile(ctx, p); abi.CodeOf(err) != abi.Canceled {
		t.Error(err)
	}
}

func TestNoCache(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(context.Background(), Options{CacheDir: file}); abi.CodeOf(err) != abi.Storage {
		t.Error(err)
	}
}
