package wazero

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest"
	"amino.run/host/hosttest/testguest"
)

// BenchmarkInvoke calls add of each SDK's conformance microservice, with a
// context that has a deadline.
func BenchmarkInvoke(b *testing.B) {
	e := engine(b, Options{})
	args, err := abi.Args(3, 4)
	if err != nil {
		b.Fatal(err)
	}
	all := guests(b)
	all["assembly"] = testguest.Binary()
	for language, module := range all {
		_, m := hosttest.Compile(b, e, module)
		i := construct(b, m, host.Limits{})
		method := "add"
		if language == "assembly" {
			method = "c"
		}
		b.Run(language, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.Invoke(ctx, abi.Method, 0, method, args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	for language, module := range guests(b) {
		b.Run(language, func(b *testing.B) {
			b.SetBytes(int64(len(module)))
			for b.Loop() {
				if _, err := host.Prepare(module); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	ctx := context.Background()
	for language, module := range guests(b) {
		p, err := host.Prepare(module)
		if err != nil {
			b.Fatal(err)
		}
		compile := func(b *testing.B, o Options) {
			e := engine(b, o)
			m, err := e.Compile(ctx, p)
			if err != nil {
				b.Fatal(err)
			}
			m.Close(ctx)
		}
		b.Run(language+"/new", func(b *testing.B) {
			for b.Loop() {
				compile(b, Options{})
			}
		})
		b.Run(language+"/cached", func(b *testing.B) {
			o := Options{CacheDir: b.TempDir()}
			compile(b, o)
			for b.Loop() {
				compile(b, o)
			}
		})
	}
}

// BenchmarkState takes and puts back states of the C guest with some MiB of heap.
func BenchmarkState(b *testing.B) {
	ctx := context.Background()
	module, err := os.ReadFile("../../guest-sdks/c/conformance/conformance.wasm")
	if err != nil {
		b.Skip(err)
	}
	_, m := hosttest.Compile(b, engine(b, Options{}), module)
	for _, mib := range []int{0, 1, 16, 64} {
		i := hosttest.Start(b, m, host.Config{}, nil)
		args, err := abi.Args(mib)
		if err == nil {
			_, err = i.Invoke(ctx, abi.Method, 0, "grow", args)
		}
		if err != nil {
			b.Fatal(err)
		}
		img, err := i.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("snapshot/%dMiB", mib), func(b *testing.B) {
			for b.Loop() {
				if img, err = i.Snapshot(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("restore/%dMiB", mib), func(b *testing.B) {
			for b.Loop() {
				if err := i.Restore(ctx, img); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("instantiate/%dMiB", mib), func(b *testing.B) {
			for b.Loop() {
				j, err := m.Instantiate(ctx, host.Config{Env: &hosttest.Env{}}, img)
				if err != nil {
					b.Fatal(err)
				}
				j.Close(ctx)
			}
		})
	}
}

// BenchmarkView makes a call that writes, then one of a view that shows what it wrote.
func BenchmarkView(b *testing.B) {
	ctx := context.Background()
	put, err := abi.Args("a key", "a value")
	if err != nil {
		b.Fatal(err)
	}
	get, err := abi.Args("a key")
	if err != nil {
		b.Fatal(err)
	}
	for language, module := range guests(b) {
		_, m := hosttest.Compile(b, engine(b, Options{}), module)
		i := construct(b, m, host.Limits{})
		v, err := i.View(ctx)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(language+"/write", func(b *testing.B) {
			for b.Loop() {
				i.Invoke(ctx, abi.Method, 0, "put", put)
			}
		})
		b.Run(language+"/write, read", func(b *testing.B) {
			for b.Loop() {
				i.Invoke(ctx, abi.Method, 0, "put", put)
				if err := v.Refresh(ctx); err != nil {
					b.Fatal(err)
				}
				if _, err := v.Invoke(ctx, abi.Method, 0, "get", get); err != nil {
					b.Fatal(err)
				}
			}
		})
		v.Close(ctx)
	}
}
