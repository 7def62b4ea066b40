package mux

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHello(t *testing.T) {
	for _, x := range []struct{ hello, name, err string }{
		{string(appendHello(nil, "node-1")) + "and frames", "node-1", ""},
		{string(appendHello(nil, "")), "", ""},
		{magic + "\x01\x04node", "", "version 1"},
		{magic, "", "EOF"},
		{magic + "\x02\x04nod", "", "EOF"},
		{"", "", "EOF"},
		{"HTTP/1.1 400 Bad Request", "", "does not speak"},
		{"PRI * HTTP/2.0", "", "does not speak"},
	} {
		r := strings.NewReader(x.hello)
		name, err := readHello(r)
		if (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
			t.Errorf("%.20q: got %q, %v", x.hello, name, err)
		}
		if err != nil {
			continue
		}
		if rest, _ := io.ReadAll(r); name != x.name || string(rest) != x.hello[helloHead+len(name):] {
			t.Errorf("%.20q: got %q, and %q is left", x.hello, name, rest)
		}
	}
}

func TestGreet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		go greet(t.Context(), b, "there")
		if name, err := greet(t.Context(), a, "here"); name != "there" || err != nil {
			t.Errorf("got %q, %v", name, err)
		}
		if _, err := greet(t.Context(), a, strings.Repeat("n", maxName+1)); err == nil || !strings.Contains(err.Error(), "limit is 255") {
			t.Errorf("a long name: %v", err)
		}
	})
}

func TestGreetGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a, _ := net.Pipe()
		if _, err := greet(t.Context(), a, ""); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != helloTime {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a, _ = net.Pipe()
		if _, err := greet(ctx, a, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
