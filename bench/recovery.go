package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"amino.run/kernel"
)

// compareRecovery says how long a microservice takes to come back from its log, from
// the start of its kernel to the first answer: by the calls it had, and by the size of
// its state. All but the last line have the same state.
func (w *world) compareRecovery(ctx context.Context) error {
	heading("From the start of a kernel to the first answer of a microservice that comes back from its log")
	for _, c := range []struct{ calls, mib int }{{1_000, 0}, {100_000, 0}, {1_000_000, 0}, {1_000, 16}, {1_000, 128}} {
		d, err := w.recovery(ctx, c.calls, c.mib)
		if err != nil {
			return err
		}
		fmt.Printf("  %8d calls, %4d MiB  %v\n", c.calls, c.mib, d.Round(time.Millisecond))
	}
	return nil
}

func (w *world) recovery(ctx context.Context, calls, mib int) (time.Duration, error) {
	id := fmt.Sprintf("r%d-%d", calls, mib)
	data, name := filepath.Join(w.dir, id), "back-"+id
	k, err := startKernel(ctx, id, w.oms.Addr(), data, w.engine)
	if err != nil {
		return 0, err
	}
	if err := w.fill(ctx, k, name, id, calls, mib); err != nil {
		return 0, err
	}
	if err := k.Close(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	if k, err = startKernel(ctx, id, w.oms.Addr(), data, w.engine); err != nil {
		return 0, err
	}
	defer k.Close(ctx)
	for {
		if _, err = w.k1.Call(ctx, name, "keys", mustArgs()); err == nil || time.Since(start) > time.Minute {
			return time.Since(start), err
		}
		time.Sleep(time.Millisecond)
	}
}

// fill deploys a microservice on a kernel and makes calls that may write.
func (w *world) fill(ctx context.Context, k *kernel.Kernel, name, on string, calls, mib int) error {
	var err error
	for range 100 { // until the kernel is a member
		if err = w.deployWhere(ctx, echoWasm, name, alone(on), "DurableSerializableRPC"); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err == nil && mib > 0 {
		_, err = k.Call(ctx, name, "grow", mustArgs(mib))
	}
	if err != nil {
		return err
	}
	args := mustArgs("key", strings.Repeat("x", 50))
	var wg sync.WaitGroup
	errs := make(chan error, many)
	for range many {
		wg.Go(func() {
			for range calls / many {
				if _, err := k.Call(ctx, name, "put", args); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
