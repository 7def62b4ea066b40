package mux

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHello(t *testing.T) {
	long := strings.Repeat("n", maxName+1)
	for _, x := range []struct{ hello, name, err string }{
		{string(appendHello(nil, "node-1")), "node-1", ""},
		{string(appendHello(nil, "")), "", ""},
		{magic + "\x02node", "", "version 2"},
		{magic, "", "does not speak"},
		{"", "", "does not speak"},
		{"HTTP/1.1 400 Bad Request", "", "does not speak"},
		{string(appendHello(nil, long)), "", "limit is 255"},
	} {
		name, err := parseHello([]byte(x.hello))
		if name != x.name || (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
			t.Errorf("%.20q: got %q, %v", x.hello, name, err)
		}
	}
}

func TestGreet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe()
		go func() {
			b.recv()
			b.send([]*[]byte{ptr(appendHello(nil, "there"))}, new(buffers))
		}()
		if name, err := greet(t.Context(), a, "here"); name != "there" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if _, err := greet(t.Context(), a, strings.Repeat("n", maxName+1)); err == nil {
			t.Error("a long name is sent")
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestGreetGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a, _ := newPipe()
		if _, err := greet(t.Context(), a, ""); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != helloTime {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a, _ = newPipe()
		if _, err := greet(ctx, a, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
