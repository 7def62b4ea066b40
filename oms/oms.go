package oms

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// Options are what an OMS may be told. The zero value is good.
type Options struct {
	// TTL is how long a kernel's lease lasts; 10 s if 0. Kernels renew each third of it.
	TTL time.Duration

	// Upcall is how long one upcall or message may keep a coordinator; 30 s if 0.
	Upcall time.Duration

	// MaxModule is the size of the largest module, in bytes; 256 MiB if 0.
	MaxModule int

	// Ballast is the size, in bytes, of a file that is given up when the disk is
	// full, so that what was acknowledged stays safe; 8 MiB if 0.
	Ballast int

	// FS is where the directory and the modules are kept; the disk if nil.
	FS vfs.FS

	// DMs returns a loader of DMs in Wasm, given how their modules are read; with nil
	// none can be deployed.
	DMs func(module func(ctx context.Context, digest string) ([]byte, error)) dms.Loader

	// Log is where the OMS says what it cannot return; slog.Default if nil.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.TTL == 0 {
		o.TTL = 10 * time.Second
	}
	if o.Upcall == 0 {
		o.Upcall = 30 * time.Second
	}
	if o.MaxModule == 0 {
		o.MaxModule = 256 << 20
	}
	if o.Ballast == 0 {
		o.Ballast = 8 << 20
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// An OMS is one object management service. Its methods may be used by many
// goroutines at once.
type OMS struct {
	opt     Options
	log     *slog.Logger
	store   *store
	modules *modules
	load    dms.Loader
	members *members
	groups  groups
	repairs chan struct{} // slots

	ctx  context.Context // ends with the OMS
	stop context.CancelFunc

	mu     sync.Mutex // of closed
	closed bool
	wg     sync.WaitGroup // what runs in the background
}

// Open returns the OMS whose state is in dir, made if it is not there. Kernels
// that had a lease get a whole new one, so that the time the OMS was away is not
// held against them.
func Open(dir string, opt Options) (*OMS, error) {
	opt = opt.withDefaults()
	st, err := openStore(opt.FS, filepath.Join(dir, "directory"), opt.Ballast)
	if err != nil {
		return nil, err
	}
	o := &OMS{opt: opt, log: opt.Log, store: st, repairs: make(chan struct{}, maxRepairs)}
	o.ctx, o.stop = context.WithCancel(context.Background())
	if o.modules, err = openModules(opt.FS, filepath.Join(dir, "modules"), st); err != nil {
		o.stop()
		st.close()
		return nil, err
	}
	if opt.DMs != nil {
		o.load = opt.DMs(func(ctx context.Context, digest string) ([]byte, error) {
			return o.GetModule(ctx, api.Ref{Ref: digest})
		})
	}
	o.members = newMembers(o)
	o.groups.all = map[string]*group{}
	if err := o.resume(); err != nil {
		o.Close()
		return nil, err
	}
	o.background(o.members.watch)
	return o, nil
}

// resume undoes the groups whose creation the end of the last OMS cut short and
// starts the coordinators of the others. What half-made groups left at kernels is
// found when those join.
func (o *OMS) resume() error {
	for _, g := range o.store.groups() {
		if !g.Creating {
			continue
		}
		if _, err := o.store.do(directory.Delete{Group: g.ID}); err != nil && !errors.Is(err, abi.ErrNotFound) {
			return err // else it has been deleted with the one it was part of
		}
	}
	for _, g := range o.store.groups() {
		if len(g.Spec.DMs) > 0 {
			o.groups.get(o, g)
		}
	}
	o.repairAll()
	return nil
}

// Close ends the OMS. Kernels and what runs on them go on.
func (o *OMS) Close() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.stop()
	o.wg.Wait()
	return o.store.close()
}

// background runs f, unless the OMS is closed. f must return when ctx ends.
func (o *OMS) background(f func(ctx context.Context)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.wg.Go(func() { f(o.ctx) })
	}
}

// changed tells all kernels of groups as they are now.
func (o *OMS) changed(groups ...api.Group) { o.members.tell(groups, false) }
