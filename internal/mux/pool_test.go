package mux

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
)

func newPool(t *testing.T) *Pool {
	p := NewPool("client", echo)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPoolSharesOneConnection(t *testing.T) {
	noLeaks(t)
	var accepted atomic.Int32
	s := listen(t, echo, OnConnect(func(*Conn) { accepted.Add(1) }))
	p := newPool(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			c, err := p.Get(context.Background(), s.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := c.Call(context.Background(), []byte{1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestPoolDialsAgainAfterALoss(t *testing.T) {
	noLeaks(t)
	s := listen(t, echo)
	p := newPool(t)
	lost, err := p.Get(context.Background(), s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	lost.Close()
	for { // at first it may say that it waits
		c, err := p.Get(context.Background(), s.Addr())
		if err == nil {
			if c == lost {
				t.Error("the lost connection again")
			}
			return
		}
		if !errors.Is(err, abi.ErrUnavailable) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPoolDoesNotStorm(t *testing.T) {
	noLeaks(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int32
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			c.Close()
		}
	}()
	defer ln.Close()
	p := newPool(t)
	start := time.Now()
	for time.Since(start) < 100*time.Millisecond {
		if _, err := p.Get(context.Background(), ln.Addr().String()); !errors.Is(err, abi.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	// 50 ms, then 100 ms, of nothing but errors.
	if n := int(dials.Load()); n > 1+int(time.Since(start)/minBackoff) {
		t.Errorf("dialed %d times in %v", n, time.Since(start))
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	l := &line{}
	for _, want := range []time.Duration{50, 100, 200, 400, 800, 1600, 2000, 2000} {
		if l.fail(abi.ErrUnavailable); l.backoff != want*time.Millisecond {
			t.Errorf("backoff %v, want %v ms", l.backoff, int(want))
		}
	}
}

func TestPoolGetEndsWithItsContext(t *testing.T) {
	noLeaks(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := newPool(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := p.Get(ctx, silent.Addr().String()); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	if _, err := p.Get(ctx, silent.Addr().String()); !errors.Is(err, abi.ErrCanceled) {
		t.Errorf("got %v", err)
	}
}

func TestPoolLeavesAServerThatSaysBye(t *testing.T) {
	noLeaks(t)
	release := make(chan struct{})
	s, err := Listen("127.0.0.1:0", "old", func(context.Context, *Conn, []byte) ([]byte, error) {
		<-release
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t)
	c, err := p.Get(context.Background(), s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		_, err := c.Call(context.Background(), nil)
		answered <- err
	}()
	for c.inflight.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	closed := make(chan error)
	go func() { closed <- s.Close(context.Background()) }()
	for c.usable() {
		time.Sleep(time.Millisecond)
	}
	if _, err := p.Get(context.Background(), s.Addr()); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestClosedPool(t *testing.T) {
	noLeaks(t)
	s := listen(t, echo)
	p := newPool(t)
	c, err := p.Get(context.Background(), s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.Close()
	if c.Err() == nil {
		t.Error("the connection is open")
	}
	if _, err := p.Get(context.Background(), s.Addr()); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
