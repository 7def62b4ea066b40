package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// benchMove measures a move between two processes while a client keeps calling.
func benchMove(ctx context.Context, w *world) error {
	heading("A move between two processes while a client keeps calling")
	for _, mib := range []int{0, 16} {
		name := fmt.Sprintf("mover-%d", mib)
		if err := w.deploy(ctx, echoWasm, name, "k1"); err != nil {
			return err
		}
		if mib > 0 {
			if _, err := w.k1.Call(ctx, name, "grow", mustArgs(mib)); err != nil {
				return err
			}
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
		to := 1
		pause, err := median(9, func() (time.Duration, error) {
			to = 3 - to
			rep, err := w.client.Migrate(ctx, name, fmt.Sprintf("k%d", to))
			time.Sleep(50 * time.Millisecond)
			return rep.Pause, err
		})
		stop.Store(true)
		wg.Wait()
		if err != nil {
			return err
		}
		fmt.Printf("  %3d MiB of state: pause %v (longest wait of a call %v); %d calls, %d failed\n", mib, pause.Round(time.Microsecond), longest.Round(time.Microsecond), calls, failed)
	}
	return nil
}
