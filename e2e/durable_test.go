package e2e

import (
	"errors"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// What a holder wrote back is in the log of the replica, and there when its kernel has
// been killed: the next holder begins with it, not with what the kernel began with.
func TestDurableSerializableRPCUnderALease(t *testing.T) {
	c := startWith(t, false, three...)
	run(t, c, "deploy", counter, "--dm", "DurableSerializableRPC", "--dm", "LeaseCaching(ttl=1s)", "--on", "region=us")
	holder, next := through(t, c, "k1"), through(t, c, "k3")
	var last int64
	for range 2 {
		for range 20 {
			eventually(t, 20*time.Second, func() bool {
				n, err := client.Invoke[int64](t.Context(), holder, "counter", "add", 1)
				if err != nil && !errors.Is(err, abi.ErrLeased) { // which says that it did not run
					t.Fatal(err)
				}
				last = max(last, n)
				return err == nil
			})
		}
		kill(t, c, "k2")
		again(t, c, "k2")
		eventually(t, 20*time.Second, func() bool {
			n, err := client.Invoke[int64](t.Context(), next, "counter", "get")
			if err == nil && n != last {
				t.Fatalf("%d after a failure; %d was answered", n, last)
			}
			return err == nil
		})
	}
}
