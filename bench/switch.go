package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// switches are the chains that a counter is switched between.
var switches = [][2][]string{
	{{}, {"SerializableRPC"}},
	{{}, {"AtLeastOnceRPC", "LeaseCaching(ttl=1s)"}},
	{{}, {"PeriodicCheckpoint(every=10)"}},
	{{}, {"LoadBalancedFrontEnd(replicas=2)"}},
	{{"AtLeastOnceRPC"}, {"ExplicitMigration"}},
}

// benchSwitch measures how long callers stand still while the chain of a microservice
// is replaced, at two kernels of which each has a caller.
func benchSwitch(ctx context.Context, w *world) error {
	heading("A switch of the chain while a client calls from its own kernel, on loopback")
	for i, pair := range switches {
		name := fmt.Sprintf("switched-%d", i)
		if err := w.deploy(ctx, echoWasm, name, "k1", pair[0]...); err != nil {
			return err
		}
		var stop atomic.Bool
		var calls, failed int
		var longest time.Duration
		var wg sync.WaitGroup
		wg.Go(func() {
			for !stop.Load() {
				d, err := timed(func() error {
					_, err := w.k1.Call(ctx, name, "count", mustArgs(1))
					return err
				})
				if calls++; err != nil {
					failed++
				}
				longest = max(longest, d)
			}
		})
		to := 0
		pause, err := median(14, func() (time.Duration, error) {
			to = 1 - to
			rep, err := w.client.Switch(ctx, name, pair[to])
			time.Sleep(30 * time.Millisecond)
			return rep.Pause, err
		})
		stop.Store(true)
		wg.Wait()
		if err != nil {
			return err
		}
		fmt.Printf("  %-52s pause %v (longest wait of a call %v); %d calls, %d failed\n", show(pair[0])+" <-> "+show(pair[1]),
			pause.Round(10*time.Microsecond), longest.Round(10*time.Microsecond), calls, failed)
	}
	return nil
}

func show(chain []string) string { return "[" + strings.Join(chain, ", ") + "]" }
