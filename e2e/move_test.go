package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/kernel/client"
)

const counter = "../examples/counter/c/counter.wasm"

// A microservice moves around while clients call it. Every call is answered, each
// ran once, and no two got the same answer.
func TestMoveWhileBeingCalled(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter)
	cl := dial(t, c)

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var calls atomic.Int64
	answers := make([][]int64, 4)
	for i := range answers {
		cl := dial(t, c)
		wg.Go(func() {
			for ctx.Err() == nil {
				n, err := client.Invoke[int64](context.WithoutCancel(ctx), cl, "counter", "add", 1)
				if err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				answers[i] = append(answers[i], n)
				calls.Add(1)
			}
		})
	}
	for i := range 6 {
		before := calls.Load()
		eventually(t, 10*time.Second, func() bool { return calls.Load() > before+50 || t.Failed() })
		if _, err := cl.Migrate(t.Context(), "counter", fmt.Sprintf("k%d", (i+1)%3+1)); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	seen := map[int64]bool{}
	for _, list := range answers {
		for i, n := range list {
			if seen[n] {
				t.Fatalf("two calls were answered %d", n)
			}
			if seen[n] = true; i > 0 && n <= list[i-1] {
				t.Fatalf("one client saw %d after %d", n, list[i-1])
			}
		}
	}
	n, err := client.Invoke[int64](t.Context(), cl, "counter", "get")
	if err != nil || n != calls.Load() {
		t.Errorf("the counter is %d after %d calls, %v", n, calls.Load(), err)
	}
	t.Logf("%d calls, 6 moves", calls.Load())
}
