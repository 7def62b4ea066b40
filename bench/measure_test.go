package main

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

func TestRatiosAreMediansOfRounds(t *testing.T) {
	a := []result{{latency: 10, rate: 100, cpu: 1}, {latency: 40, rate: 30, cpu: 8}, {latency: 30, rate: 90, cpu: 3}}
	b := []result{{latency: 5, rate: 50, cpu: 2}, {latency: 10, rate: 10, cpu: 4}, {latency: 30, rate: 30, cpu: 3}}
	if got := latencyRatio(a, b); got != 2 {
		t.Errorf("latency ratio %v, want the median of 2, 4 and 1", got)
	}
	if got := rateRatio(a, b); got != 3 {
		t.Errorf("rate ratio %v, want the median of 2, 3 and 3", got)
	}
	if got := cpuRatio(a, b); got != 1 {
		t.Errorf("CPU ratio %v, want the median of 0.5, 2 and 1", got)
	}
	if latency(a) != 30 || rate(a) != 90 || cpu(a) != 3 {
		t.Errorf("medians %v %v %v", latency(a), rate(a), cpu(a))
	}
}

func TestMeasureCountsEveryCall(t *testing.T) {
	*slice = 5 * time.Millisecond
	var calls atomic.Int64
	callers := make([]atomic.Int64, 4)
	r, err := measure(4, subject{"count", func(caller int) error {
		calls.Add(1)
		callers[caller].Add(1)
		time.Sleep(20 * time.Microsecond)
		return nil
	}})
	if err != nil || r.latency <= 0 || r.rate <= 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i := range callers {
		if callers[i].Load() == 0 {
			t.Errorf("caller %d made no call of %d", i, calls.Load())
		}
	}
}

func TestMeasureStopsAtAnError(t *testing.T) {
	*slice = 5 * time.Millisecond
	broken := errors.New("broken")
	var calls atomic.Int64
	_, err := compare(2, []subject{{"good", func(int) error { return nil }}, {"bad", func(int) error {
		if calls.Add(1) > 200 {
			return broken
		}
		return nil
	}}})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestCPUTimeGoesUp(t *testing.T) {
	children = []int{os.Getpid()} // this process stands for a child
	defer func() { children = nil }()
	before := cpuTime()
	for start := time.Now(); cpuTime() == before; {
		if time.Since(start) > 10*time.Second {
			t.Fatal("no processor time was counted in 10 s of work")
		}
	}
}
