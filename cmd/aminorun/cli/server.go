package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"amino.run/dms"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel"
	"amino.run/kernel/wasmdm"
	"amino.run/oms"
)

// stopTimeout is how long a server that is told to stop waits for calls inside.
const stopTimeout = 5 * time.Second

// stops are what ends the servers of a process, in the order they were started.
type stops []func() error

// run ends them, the last one first.
func (s stops) run() (err error) {
	for i := len(s) - 1; i >= 0; i-- {
		err = errors.Join(err, s[i]())
	}
	return err
}

// runOMS opens and serves an OMS.
func (a *app) runOMS(ctx context.Context, listen, data string, opt oms.Options) (*mux.Server, func() error, error) {
	opt.Log = a.log()
	var engine stops // of DMs in Wasm; most OMSs need none
	opt.DMs = func(module func(context.Context, string) ([]byte, error)) dms.Loader {
		start := sync.OnceValues(func() (host.Engine, error) { return newEngine(ctx, cacheDir(), &engine) })
		return wasmdm.Loader(ctx, wasmdm.Compile(start, module))
	}
	o, err := oms.Open(data, opt)
	if err != nil {
		return nil, nil, errors.Join(err, engine.run())
	}
	s, err := oms.Serve(listen, o)
	if err != nil {
		return nil, nil, errors.Join(err, o.Close(), engine.run())
	}
	return s, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return errors.Join(s.Close(ctx), o.Close(), engine.run())
	}, nil
}

// runKernel starts a kernel server.
func (a *app) runKernel(ctx context.Context, c kernel.Config) (*kernel.Kernel, func() error, error) {
	c.Log = a.log()
	k, err := kernel.Start(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return k, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return k.Close(ctx)
	}, nil
}

// newEngine returns the engine that runs guests, with a cache of compiled modules
// that outlives the process, and adds to stop what ends it.
func newEngine(ctx context.Context, dir string, stop *stops) (host.Engine, error) {
	e, err := wazero.New(ctx, wazero.Options{CacheDir: dir})
	if err != nil {
		return nil, err
	}
	*stop = append(*stop, func() error { return e.Close(context.WithoutCancel(ctx)) })
	return e, nil
}

// cacheDir returns where compiled modules are kept, for all kernels of a user.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil { // no HOME
		dir = os.TempDir()
	}
	return filepath.Join(dir, "aminorun", "compiled")
}

// tuneMemory makes the collector run less often than by default: a server's
// garbage is small and short-lived, and calls come at a high rate.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

func (a *app) log() *slog.Logger { return slog.New(slog.NewTextHandler(a.stderr, nil)) }

// parseLabels reads "region=eu,tier=cloud".
func parseLabels(text string) (map[string]string, error) {
	labels := map[string]string{}
	if text == "" {
		return labels, nil
	}
	s, err := api.ParseSelector(text)
	if err != nil || len(s) != 1 {
		return nil, usagef("--labels wants key=value,key=value, not %q", text)
	}
	for _, r := range s[0] {
		if r.Op != api.Equal {
			return nil, usagef("--labels wants key=value,key=value, not %q", text)
		}
		labels[r.Key] = r.Values[0]
	}
	return labels, nil
}

// ready tells a person, and a script that waits for the line, where a server is.
func (a *app) ready(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }
