package mux

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestIsAContext(t *testing.T) {
	for name, touch := range map[string]func(*request){
		"used early": func(r *request) { r.Done() },
		"used late":  func(*request) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &request{c: new(Conn), deadline: time.Now().Add(time.Second)}
				touch(r)
				if err := r.Err(); err != nil {
					t.Errorf("Err = %v", err)
				}
				time.Sleep(2 * time.Second)
				<-r.Done()
				if err := r.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after the deadline Err = %v", err)
				}
				r.end()

				r = &request{c: new(Conn)}
				touch(r)
				if _, ok := r.Deadline(); ok || r.Err() != nil {
					t.Error("a deadline from nowhere")
				}
				r.end()
				<-r.Done()
				if err := r.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("after the end Err = %v", err)
				}
			})
		})
	}
}

type key struct{}

func TestRequestEndsItsChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which waits for goroutines left
		r := &request{c: new(Conn)}
		child, cancel := context.WithTimeout(context.WithValue(r, key{}, "value"), time.Hour)
		defer cancel()
		if child.Value(key{}) != "value" || child.Value("other") != nil {
			t.Error("values are mixed up")
		}
		r.end()
		synctest.Wait()
		if !errors.Is(child.Err(), context.Canceled) {
			t.Errorf("Err = %v", child.Err())
		}
		late, cancel := context.WithCancel(r)
		defer cancel()
		if !errors.Is(late.Err(), context.Canceled) {
			t.Errorf("a child of an ended request: Err = %v", late.Err())
		}
	})
}
