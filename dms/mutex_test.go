package dms_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/dms"
)

func TestMutexInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mu := dms.NewMutex()
		if err := mu.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				if err := mu.Lock(t.Context()); err != nil {
					t.Error(err)
				}
				order = append(order, i)
				mu.Unlock()
			}()
			synctest.Wait()
		}
		mu.Unlock()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
			t.Errorf("%v", order)
		}
	})
}

func TestMutexGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mu := dms.NewMutex()
		if err := mu.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := mu.Lock(ctx); err != context.DeadlineExceeded {
			t.Error(err)
		}
		mu.Unlock()
		if err := mu.Lock(ctx); err != nil {
			t.Errorf("a mutex that is free: %v", err)
		}
		mu.Unlock()
		defer func() {
			if recover() == nil {
				t.Error("unlocked twice, and no panic")
			}
		}()
		mu.Unlock()
	})
}
