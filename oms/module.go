package oms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/singleflight"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// modules are files named by the digests of what is in them. A file without a
// record in the directory is one that was not accepted (yet).
type modules struct {
	fs   vfs.FS
	dir  string
	puts singleflight.Group // by digest
}

// openModules removes what a put that was cut short has left.
func openModules(fs vfs.FS, dir string, st *store) (*modules, error) {
	m := &modules{fs: fs, dir: dir}
	if err := makeDir(fs, dir); err != nil {
		return nil, storageError(err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, storageError(err)
	}
	for _, name := range names {
		digest, ok := strings.CutSuffix(name, ".wasm")
		if ok {
			_, err = st.module(digest)
		}
		if !ok || err != nil {
			if err := fs.Remove(filepath.Join(dir, name)); err != nil {
				return nil, storageError(err)
			}
		}
	}
	return m, nil
}

func (m *modules) path(digest string) string { return filepath.Join(m.dir, digest+".wasm") }

// write puts a module on disk, whole or not at all.
func (m *modules) write(digest string, wasm []byte) (err error) {
	temp := m.path(digest) + ".part"
	f, err := m.fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return storageError(err)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(wasm)}, make([]byte, 1<<20)) // a vfs.File may write to what it is given
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = m.fs.Rename(temp, m.path(digest))
	}
	if err == nil {
		err = syncDir(m.fs, m.dir)
	}
	if err != nil {
		_ = m.fs.Remove(temp) // else the next Open does
		return storageError(fmt.Errorf("cannot store the module: %w", err))
	}
	return nil
}

func (m *modules) read(digest string) ([]byte, error) {
	f, err := m.fs.Open(m.path(digest))
	if err != nil {
		return nil, storageError(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, storageError(err)
	}
	return b, nil
}

// PutModule stores a module and has a kernel inspect it. A module that is known
// already is not inspected again; one that is refused is not kept.
func (o *OMS) PutModule(ctx context.Context, wasm []byte) (api.Module, error) {
	switch {
	case len(wasm) == 0:
		return api.Module{}, abi.Errorf(abi.Refused, "the module is empty")
	case len(wasm) > o.opt.MaxModule:
		return api.Module{}, abi.Errorf(abi.Refused, "the module has %d bytes; the limit is %d", len(wasm), o.opt.MaxModule)
	}
	sum := sha256.Sum256(wasm)
	digest := hex.EncodeToString(sum[:])
	m, err, _ := o.modules.puts.Do(digest, func() (any, error) { return o.putModule(ctx, digest, wasm) })
	if err != nil {
		return api.Module{}, err
	}
	return m.(api.Module), nil
}

func (o *OMS) putModule(ctx context.Context, digest string, wasm []byte) (api.Module, error) {
	if m, err := o.store.module(digest); err == nil {
		return *m, nil
	}
	if err := o.modules.write(digest, wasm); err != nil {
		return api.Module{}, err
	}
	found, err := o.inspect(ctx, digest)
	if err == nil {
		m := api.Module{Digest: digest, Size: len(wasm), Manifest: found.Manifest, Notes: found.Notes, Stored: time.Now()}
		if _, err = o.store.do(directory.PutModule{Module: m}); err == nil {
			return m, nil
		}
	}
	_ = o.modules.fs.Remove(o.modules.path(digest)) // else the next Open does
	return api.Module{}, err
}

// inspectors is how many kernels a module is given to at most: one that brings its
// inspector down must not bring down all.
const inspectors = 2

// inspect has a live kernel look at a stored module.
func (o *OMS) inspect(ctx context.Context, digest string) (api.Inspection, error) {
	if err := o.members.settled(ctx); err != nil {
		return api.Inspection{}, err
	}
	all := o.places()
	if len(all) == 0 {
		return api.Inspection{}, abi.Errorf(abi.Unavailable, "no kernel is alive to inspect the module: start one with aminorun kernel")
	}
	var err error
	for _, at := range all[:min(inspectors, len(all))] {
		var found api.Inspection
		found, err = ask[api.Inspection](ctx, at.kernel, startCall, api.KernelInspect, api.Ref{Ref: digest})
		if err == nil || !errors.Is(err, abi.ErrUnavailable) {
			return found, err
		}
	}
	return api.Inspection{}, fmt.Errorf("no kernel could inspect the module: %w", err)
}

// GetModule returns the bytes of a module: also of one that is being inspected, by
// its whole digest.
func (o *OMS) GetModule(_ context.Context, ref api.Ref) ([]byte, error) {
	m, err := o.store.module(ref.Ref)
	if err == nil {
		return o.modules.read(m.Digest)
	}
	if isDigest(ref.Ref) {
		if wasm, err := o.modules.read(ref.Ref); err == nil {
			return wasm, nil
		}
	}
	return nil, err
}

// isDigest reports whether s is a digest, and not a way out of the directory.
func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// Modules returns all modules, sorted by digest.
func (o *OMS) Modules() []api.Module {
	out := []api.Module{}
	o.store.view(func(st *directory.State) {
		for _, m := range st.Modules() {
			out = append(out, *m)
		}
	})
	return out
}
