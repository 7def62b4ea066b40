package wazero

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest"
)

// guests returns the conformance microservice of every SDK.
func guests(t testing.TB) map[string][]byte { return hosttest.Guests(t, "../..") }

// workload is n rounds of calls that leave traces all over a guest's heap.
func workload(t testing.TB, from, n int) (work []hosttest.Call) {
	call := func(method string, args ...any) {
		b, err := abi.Args(args...)
		if err != nil {
			t.Fatal(err)
		}
		work = append(work, hosttest.Call{Method: method, Args: b})
	}
	for k := from; k < from+n; k++ {
		key := fmt.Sprintf("key %d", k*7919%1000)
		call("put", key, fmt.Sprintf("value %d of many, long enough to live on the heap", k))
		call("get", key)
		call("count", k)
		if k%50 == 0 {
			call("keys")
			call("reverse", bytes.Repeat([]byte{byte(k)}, 10_000))
			call("grow", 1)
		}
	}
	call("label")
	call("keys")
	return work
}

// TestGuests runs the conformance microservice of each language.
func TestGuests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cacheVariable, dir)
	e := engine(t, Options{CacheDir: dir})
	for language, module := range guests(t) {
		t.Run(language, func(t *testing.T) {
			_, m := hosttest.Compile(t, e, module)
			t.Run("elsewhere", func(t *testing.T) { goesOnElsewhere(t, module, m) })
			t.Run("replay", func(t *testing.T) { replays(t, m) })
			t.Run("failures", func(t *testing.T) { survivesFailures(t, m) })
		})
	}
}

// construct returns a new guest.
func construct(t testing.TB, m host.Module, l host.Limits) host.Instance {
	t.Helper()
	i := hosttest.Start(t, m, host.Config{Env: &hosttest.Env{}, Limits: l}, nil)
	args, err := abi.Args("a label")
	if err == nil {
		_, err = i.Invoke(context.Background(), abi.Constructor, 0, "", args)
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// goesOnElsewhere interrupts a workload by a snapshot that goes to another process:
// its replies are those of a workload that was not interrupted.
func goesOnElsewhere(t *testing.T, module []byte, m host.Module) {
	ctx := context.Background()
	before, after := workload(t, 0, 300), workload(t, 300, 300)
	whole := construct(t, m, host.Limits{})
	want, err := hosttest.Work(ctx, whole, append(before, after...))
	if err != nil {
		t.Fatal(err)
	}
	first := construct(t, m, host.Limits{})
	if _, err := hosttest.Work(ctx, first, before); err != nil {
		t.Fatal(err)
	}
	img, err := first.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	there := hosttest.Elsewhere(t, module, img, after)
	if len(there.Replies) != len(after) {
		t.Fatalf("%d replies to %d calls", len(there.Replies), len(after))
	}
	for k, got := range there.Replies {
		if w := want.Replies[len(before)+k]; !bytes.Equal(got, w) {
			t.Fatalf("call %d, %s, answered %s; without interruption %s", k, after[k].Method, abi.Diag(got), abi.Diag(w))
		}
	}
	u := whole.Usage()
	t.Logf("%d KiB module, %d KiB of memory of which %d KiB in an image of %d KiB; %d fuel for %d calls",
		len(module)>>10, u.Memory>>10, img.Size()>>10, len(img.Marshal())>>10, u.Fuel, len(before)+len(after))
}

// replays records a workload that asks its host for all there is, and repeats it.
func replays(t *testing.T, m host.Module) {
	env := &hosttest.Env{OnInvoke: func(_ context.Context, r abi.Request) ([]byte, error) {
		if r.Name == "fail" {
			return nil, abi.AppError("no")
		}
		return r.Args[1:], nil
	}}
	var work []hosttest.Call
	call := func(method string, args ...any) {
		b, err := abi.Args(args...)
		if err != nil {
			t.Fatal(err)
		}
		work = append(work, hosttest.Call{Method: method, Args: b})
	}
	for k := range 20 {
		work = append(work, workload(t, k, 3)...)
		call("time")
		call("dice", 100*k)
		call("relay", "other", "do", fmt.Sprint("an argument ", k))
		call("relay", "other", "fail", k)
		call("whoami")
		call("say", "something")
		call("fail", "on purpose")
		call("nosuch")
		if k%5 == 0 {
			call("trap")
			call("panic", "what now")
		}
	}
	img, err := construct(t, m, host.Limits{}).Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	record := hosttest.Replays(t, m, img, env, work)
	t.Logf("%d bytes of record for %d calls", len(record.Bytes()), len(work))
}

// survivesFailures breaks a guest in every way and goes on from the snapshot before.
func survivesFailures(t *testing.T, m host.Module) {
	ctx := context.Background()
	const memory = 64 << 20
	i := construct(t, m, host.Limits{Memory: memory, Fuel: 500_000_000})
	if _, err := hosttest.Work(ctx, i, workload(t, 0, 20)); err != nil {
		t.Fatal(err)
	}
	img, err := i.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method string
		arg    []any
		want   abi.Code
	}{
		{"trap", nil, abi.Trap},
		{"spin", nil, abi.Fuel},
		{"grow", []any{100}, abi.MemoryLimit}, // MiB; a guest may cope, too
	} {
		args, err := abi.Args(c.arg...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.Invoke(ctx, abi.Method, 0, c.method, args)
		t.Logf("%s: %v", c.method, err)
		copes := c.want == abi.MemoryLimit && err == nil && i.Usage().Memory <= memory
		if abi.CodeOf(err) != c.want && !copes {
			t.Errorf("%s ended with %v, not %v", c.method, abi.CodeOf(err), c.want)
		}
		if err := i.Restore(ctx, img); err != nil {
			t.Fatal(err)
		}
		if _, err := hosttest.Work(ctx, i, workload(t, 20, 5)); err != nil {
			t.Errorf("after %s: %v", c.method, err)
		}
	}
}
