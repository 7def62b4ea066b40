package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/singleflight"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/fsutil"
)

// A module is a program that is compiled and ready to be instantiated.
type module struct {
	program  *host.Program
	compiled host.Module
	manifest *abi.Manifest
}

// modules holds the modules this kernel has needed: compiled in memory, as
// deployed in a directory. What it lacks it fetches from the OMS.
type modules struct {
	dir    string
	engine host.Engine
	fetch  func(ctx context.Context, digest string) ([]byte, error)
	flight singleflight.Group
	loaded sync.Map // digest -> *module
}

// get returns the module of a digest.
func (ms *modules) get(ctx context.Context, digest string) (*module, error) {
	if m, ok := ms.loaded.Load(digest); ok {
		return m.(*module), nil
	}
	v, err, _ := ms.flight.Do(digest, func() (any, error) {
		// Others may wait for this one, so it does not end with the first caller.
		m, err := ms.load(context.WithoutCancel(ctx), digest)
		if err == nil {
			ms.loaded.Store(digest, m)
		}
		return m, err
	})
	if err != nil {
		return nil, err
	}
	return v.(*module), nil
}

// dm returns a module that is a deployment manager: it is a wasmdm.Source.
func (ms *modules) dm(ctx context.Context, digest string) (host.Module, *abi.Manifest, error) {
	m, err := ms.get(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	return m.compiled, m.manifest, nil
}

func (ms *modules) load(ctx context.Context, digest string) (*module, error) {
	wasm, err := ms.bytes(ctx, digest)
	if err != nil {
		return nil, err
	}
	p, err := host.Prepare(wasm)
	if err != nil {
		return nil, err
	}
	compiled, err := ms.engine.Compile(ctx, p)
	if err != nil {
		return nil, err
	}
	m := &module{program: p, compiled: compiled, manifest: p.Manifest}
	if m.manifest == nil {
		if m.manifest, err = host.Describe(ctx, p, compiled); err != nil {
			compiled.Close(ctx)
			return nil, err
		}
	}
	return m, nil
}

// bytes returns a module as deployed, from the directory or the OMS.
func (ms *modules) bytes(ctx context.Context, digest string) ([]byte, error) {
	path := filepath.Join(ms.dir, digest+".wasm")
	if b, err := os.ReadFile(path); err == nil && digestOf(b) == digest {
		return b, nil
	}
	b, err := ms.fetch(ctx, digest)
	if err != nil {
		return nil, err
	}
	if got := digestOf(b); got != digest {
		return nil, abi.Errorf(abi.Internal, "module %.12s arrived as %.12s", digest, got)
	}
	if err := fsutil.WriteFile(path, b); err != nil {
		return nil, abi.Errorf(abi.Storage, "keep module %.12s: %v", digest, err)
	}
	return b, nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
