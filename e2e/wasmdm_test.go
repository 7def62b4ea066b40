package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/guestbuild"
	"amino.run/kernel/client"
)

// A chain of DMs in Rust and AssemblyScript, sent with the microservice: the one in
// Rust waits for what the one in AssemblyScript refuses, also after a move.
func TestWasmDMs(t *testing.T) {
	c := start(t, three...)
	retry := guestbuild.Prebuilt(t, "examples/dms/retry/retry.wasm")
	limit := guestbuild.Prebuilt(t, "examples/dms/ratelimit/ratelimit.wasm")
	run(t, c, "deploy", counter, "--name", "strict", "--dm", limit+"(rate=1)")
	run(t, c, "deploy", counter, "--dm", retry+"(timeout_ms=20000)", "--dm", limit+"(rate=20, burst=1)", "--dm", "ExplicitMigration")
	if out := run(t, c, "describe", "counter"); !strings.Contains(out, "retry@") || !strings.Contains(out, "(rate=20, burst=1)") {
		t.Errorf("describe does not show the chain: %s", out)
	}

	cl := through(t, c, "k1")
	refused := 0
	for range 5 {
		_, err := client.Invoke[int64](t.Context(), cl, "strict", "add", 1)
		if errors.Is(err, abi.ErrOverloaded) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("five calls at once, and one a second allowed: none was refused")
	}

	load := addTo(t, "counter", "add", cl)
	load.more(t, 10)
	run(t, c, "migrate", "counter", "--to", "k3")
	run(t, c, "invoke", "counter", "--verb", "migrate", `"k2"`)
	load.more(t, 10)
	run(t, c, "dm", "set", "counter", "SerializableRPC", retry)
	load.more(t, 10)
	ops := load.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("%d of %d calls failed: %v", len(errs), len(ops), errs[0])
	}
	if got := invoke[int64](t, cl, "counter", "get"); got != int64(len(ops)) {
		t.Errorf("%d calls were answered, and the counter shows %d", len(ops), got)
	}
}

// The OMS loads the coordinator of a DM in Go again when it is started again.
func TestWasmDMCoordinator(t *testing.T) {
	c := start(t, three...)
	follow := guestbuild.Go(t, "../examples/dms/follow")
	run(t, c, "deploy", counter, "--dm", follow+"(gap=3)", "--on", "tier=cloud")
	kill(t, c, "oms")
	again(t, c, "oms")
	cl := through(t, c, "k2")
	eventually(t, 10*time.Second, func() bool { // k2 may look for the OMS yet
		_, err := client.Invoke[int64](t.Context(), cl, "counter", "get")
		return err == nil
	})
	load := addTo(t, "counter", "add", cl)
	runsOn(t, cl, "counter", "k2")
	if errs := failed(load.end()); len(errs) > 0 {
		t.Error(errs[0])
	}
}
