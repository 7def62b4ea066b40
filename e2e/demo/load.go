package main

import (
	"context"
	"sync"
	"time"

	"amino.run/kernel/client"
)

// A load is a client that keeps calling add(1).
type load struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu            sync.Mutex
	calls, failed int
	longest       time.Duration
	err           error // the first
}

func startLoad(ctx context.Context, c *client.Client, name string) *load {
	l := &load{}
	until, cancel := context.WithCancel(ctx)
	l.cancel = cancel
	l.wg.Go(func() {
		for until.Err() == nil {
			start := time.Now()
			_, err := client.Invoke[int64](ctx, c, name, "add", 1)
			l.note(time.Since(start), err)
		}
	})
	return l
}

func (l *load) note(took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.longest = max(l.longest, took)
	if err != nil {
		l.failed++
		if l.err == nil {
			l.err = err
		}
	}
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// stop ends the load when its last call is answered.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}
