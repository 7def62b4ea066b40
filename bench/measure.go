package main

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A subject is one thing to be measured: call makes one call for a caller, who is
// numbered from 0.
type subject struct {
	name string
	call func(caller int) error
}

// A result is what a subject did in one round.
type result struct {
	latency time.Duration // median of a call, over all callers
	rate    float64       // calls a second
	cpu     time.Duration // of a call, of this process and its children
}

// compare lets subjects take turns, a slice each in every round, and returns the
// results of each by round.
func compare(callers int, subjects []subject) ([][]result, error) {
	out := make([][]result, len(subjects))
	for round := range *rounds + 1 {
		for i, s := range subjects {
			r, err := measure(callers, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 { // the first warms up
				out[i] = append(out[i], r)
			}
		}
	}
	return out, nil
}

// measure runs one subject for a slice with some callers at once. Calls that are
// much shorter than reading the clock are timed in batches.
func measure(callers int, s subject) (result, error) {
	batch, err := batchSize(s)
	if err != nil {
		return result{}, err
	}
	var stop atomic.Bool
	var failed error
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	start, before := time.Now(), cpuTime()
	for caller := range callers {
		wg.Go(func() {
			var took []time.Duration
			var err error
			for !stop.Load() && err == nil {
				t := time.Now()
				for range batch {
					if err = s.call(caller); err != nil {
						break
					}
				}
				took = append(took, time.Since(t)/time.Duration(batch))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if err != nil {
				failed = err
			}
		})
	}
	time.Sleep(*slice)
	stop.Store(true)
	wg.Wait()
	elapsed, used := time.Since(start), cpuTime()-before
	if failed != nil {
		return result{}, failed
	}
	slices.Sort(all)
	calls := len(all) * batch
	return result{all[len(all)/2], float64(calls) / elapsed.Seconds(), used / time.Duration(calls)}, nil
}

// batchSize returns how many calls take about ten microseconds, at least one.
func batchSize(s subject) (int, error) {
	t := time.Now()
	n := 0
	for ; n < 100 && (n == 0 || time.Since(t) < 100*time.Microsecond); n++ {
		if err := s.call(0); err != nil {
			return 0, err
		}
	}
	one := max(time.Since(t)/time.Duration(n), 1)
	return max(1, int(10*time.Microsecond/one)), nil
}

// medianOf returns the median of what f says of each round.
func medianOf[T float64 | time.Duration](rs []result, f func(i int, r result) T) T {
	v := make([]T, len(rs))
	for i, r := range rs {
		v[i] = f(i, r)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func latency(rs []result) time.Duration {
	return medianOf(rs, func(_ int, r result) time.Duration { return r.latency })
}

func rate(rs []result) float64 {
	return medianOf(rs, func(_ int, r result) float64 { return r.rate })
}

// latencyRatio and rateRatio are medians of the ratios inside each round, which
// hold when the machine's speed drifts between rounds.
func latencyRatio(a, b []result) float64 {
	return medianOf(a, func(i int, r result) float64 { return float64(r.latency) / float64(b[i].latency) })
}

func cpu(rs []result) time.Duration {
	return medianOf(rs, func(_ int, r result) time.Duration { return r.cpu })
}

func cpuRatio(a, b []result) float64 {
	return medianOf(a, func(i int, r result) float64 { return float64(r.cpu) / float64(b[i].cpu) })
}

func rateRatio(a, b []result) float64 {
	return medianOf(a, func(i int, r result) float64 { return r.rate / b[i].rate })
}

// median returns the median of n timings of f.
func median(n int, f func() (time.Duration, error)) (time.Duration, error) {
	var all []time.Duration
	for range n {
		d, err := f()
		if err != nil {
			return 0, err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// timed returns how long f takes.
func timed(f func() error) (time.Duration, error) {
	t := time.Now()
	err := f()
	return time.Since(t), err
}

func heading(text string) { fmt.Printf("\n%s\n", text) }
