package caller

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithTimeoutEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := WithTimeout(t.Context(), time.Second)
		defer ctx.Cancel()
		if ctx.Err() != nil {
			t.Fatal("it ended at once")
		}
		start := time.Now()
		<-ctx.Done()
		if d := time.Since(start); d != time.Second || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v with %v", d, ctx.Err())
		}
	})
}

func TestWithTimeoutWithoutAWaiterStillEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := WithTimeout(t.Context(), time.Second)
		defer ctx.Cancel()
		time.Sleep(time.Second)
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("Err = %v", ctx.Err())
		}
	})
}

func TestWithTimeoutCancel(t *testing.T) {
	for _, waited := range []bool{true, false} {
		ctx := WithTimeout(context.Background(), time.Hour)
		if waited {
			go func() { ctx.Done() }()
		}
		ctx.Cancel()
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("Err = %v", ctx.Err())
		}
	}
}

func TestWithTimeoutEndsWithItsParent(t *testing.T) {
	parent, stop := context.WithCancel(context.Background())
	ctx := WithTimeout(parent, time.Hour)
	defer ctx.Cancel()
	stop()
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("Err = %v", ctx.Err())
	}
	// A standard context made from it takes its deadline and its end over.
	child, cancelChild := context.WithTimeout(ctx, 2*time.Hour)
	defer cancelChild()
	if at, ok := child.Deadline(); !ok || time.Until(at) > time.Hour {
		t.Errorf("deadline %v", at)
	}
	<-child.Done()
}
