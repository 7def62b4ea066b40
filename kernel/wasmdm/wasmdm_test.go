package wasmdm_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/standard"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/internal/guestbuild"
	"amino.run/kernel/wasmdm"
)

// load returns the type of the module in a file.
func load(t *testing.T, path string) *wasmdm.Type {
	t.Helper()
	typ, err := try(t, path)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func try(t *testing.T, path string) (*wasmdm.Type, error) {
	t.Helper()
	ctx := context.Background()
	engine, err := wazero.New(ctx, wazero.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(ctx) })
	source := wasmdm.Compile(func() (host.Engine, error) { return engine, nil },
		func(context.Context, string) ([]byte, error) { return os.ReadFile(path) })
	m, manifest, err := source(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	return wasmdm.NewType(ctx, strings.Repeat("0", 64), m, manifest)
}

func retry(t *testing.T) *wasmdm.Type {
	return load(t, guestbuild.Prebuilt(t, "examples/dms/retry/retry.wasm"))
}

func ratelimit(t *testing.T) *wasmdm.Type {
	return load(t, guestbuild.Prebuilt(t, "examples/dms/ratelimit/ratelimit.wasm"))
}

// parse returns the chain that specs describe, where ours is the loaded DM with
// these fields.
func parse(t *testing.T, typ *wasmdm.Type, fields string, after ...string) dms.Chain {
	t.Helper()
	l := dms.Loader(func(string) (dms.Loaded, error) { return typ.New(), nil })
	chain, err := l.ParseChain(append([]string{typ.New().Name() + fields}, after...))
	if err == nil {
		err = dms.Check(chain)
	}
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// TestSuite holds the DMs in Wasm to what native ones promise.
func TestSuite(t *testing.T) {
	again, limit := retry(t), ratelimit(t)
	for name, p := range map[string]dmtest.Promises{
		"retry":            {DMs: parse(t, again, "(timeout_ms=4000)"), Twice: true},
		"retry of a lease": {DMs: parse(t, again, "(timeout_ms=4000)", "LeaseCaching(ttl=2s)"), Twice: true},
		"ratelimit":        {DMs: parse(t, limit, "(rate=20)")},
		"ratelimit, saved": {DMs: parse(t, limit, "(rate=20)", "PeriodicCheckpoint(every=1)"), Recovers: true, Undoes: true, Loses: 1},
	} {
		t.Run(name, func(t *testing.T) { dmtest.Suite(t, p) })
	}
}

// TestMutant shows that the suite sees what is wrong with a DM in Wasm: one that
// sends calls again does not run them at most once.
func TestMutant(t *testing.T) {
	dmtest.Caught(t, dmtest.Promises{DMs: parse(t, retry(t), "(timeout_ms=4000)")})
}

// run runs f in a bubble of virtual time with a cluster of two nodes.
func run(t *testing.T, chain dms.Chain, f func(t *testing.T, cl *dmtest.Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl, err := dmtest.Deploy(t, dmtest.NewList, chain, dmtest.Nodes()[:2]...)
		if err != nil {
			t.Fatal(err)
		}
		f(t, cl)
	})
}

func TestRetry(t *testing.T) {
	run(t, parse(t, retry(t), "(timeout_ms=10000)"), func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		cl.Cut("b", "a")
		time.AfterFunc(3*time.Second, cl.Heal)
		start := time.Now()
		b.Add(t, 1)
		if took := time.Since(start); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("a call over a link that was away for 3 s took %v", took)
		}
		cl.Cut("b", "a")
		_, err := b.Append(2)
		dmtest.WantError(t, err, abi.ErrUnavailable, "tried for 10000 ms", "no answer from b to a")
		cl.Heal()
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 3), &abi.Error{Code: abi.Application}, "failed")
		b.Want(t, 1, 3)
	})
}

func TestRateLimit(t *testing.T) {
	run(t, parse(t, ratelimit(t), "(rate=10, burst=5)"), func(t *testing.T, cl *dmtest.Cluster) {
		passed := func(tries int) (n int) {
			for range tries {
				err := cl.Client("b").Do(t.Context(), nil, "list")
				if err == nil {
					n++
					continue
				}
				dmtest.WantError(t, err, abi.ErrOverloaded, "more than 10 calls a second")
			}
			return n
		}
		time.Sleep(time.Minute)
		if n := passed(20); n != 5 {
			t.Errorf("%d calls passed at once", n)
		}
		if err := cl.Move("b"); err != nil {
			t.Fatal(err)
		}
		if n := passed(5); n != 0 {
			t.Errorf("%d calls passed right after a move: the bucket stayed behind", n)
		}
		time.Sleep(time.Second / 5)
		if n := passed(5); n != 2 {
			t.Errorf("%d calls passed after the time of two", n)
		}
	})
}

// TestFollow runs a DM in Go that has an instance and a coordinator, which talk.
func TestFollow(t *testing.T) {
	typ := load(t, guestbuild.Go(t, filepath.Join(guestbuild.Root(t), "examples", "dms", "follow")))
	run(t, parse(t, typ, "(gap=5)"), func(t *testing.T, cl *dmtest.Cluster) {
		for range 4 {
			cl.Client("b").Add(t, 1)
		}
		time.Sleep(3 * time.Second)
		if at := cl.Where()[0]; at != "a" {
			t.Errorf("it moved to %s for four calls", at)
		}
		for range 6 {
			cl.Client("b").Add(t, 1)
		}
		time.Sleep(3 * time.Second)
		if at := cl.Where()[0]; at != "b" {
			t.Errorf("it is on %s, and all calls come from b", at)
		}
	})
}
