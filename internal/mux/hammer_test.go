package mux

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
)

// TestHammer has both sides call each other with bodies of all sizes, some of
// them canceled, while connections come and go. Each answer is the right one or
// an error that may be; in the end nothing is in flight and nothing is left.
func TestHammer(t *testing.T) {
	noLeaks(t)
	var mu sync.Mutex
	var accepted []*Conn
	h := func(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
		switch binary.LittleEndian.Uint32(body) % 8 {
		case 0:
			return nil, abi.AppError("no")
		case 1: // call back, once
			binary.LittleEndian.PutUint32(body, 2)
			return from.Call(ctx, body)
		case 3:
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return body, nil
	}
	s := listen(t, h, OnConnect(func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		accepted = append(accepted, c)
	}))
	p := NewPool("client", h)
	defer p.Close()

	stop := make(chan struct{})
	var wg sync.WaitGroup
	hammer := func(seed uint64, conn func() *Conn) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		for {
			select {
			case <-stop:
				return
			default:
			}
			c := conn()
			if c == nil {
				time.Sleep(time.Millisecond)
				continue
			}
			strike(t, rnd, c)
		}
	}
	for i := range uint64(8) {
		wg.Go(func() {
			hammer(i, func() *Conn {
				c, err := p.Get(context.Background(), s.Addr())
				if err != nil && !errors.Is(err, abi.ErrUnavailable) {
					t.Error(err)
				}
				return c
			})
		})
		wg.Go(func() {
			hammer(100+i, func() *Conn {
				mu.Lock()
				defer mu.Unlock()
				if len(accepted) == 0 {
					return nil
				}
				return accepted[len(accepted)-1]
			})
		})
	}
	for range 10 { // connections end, from either side
		time.Sleep(100 * time.Millisecond)
		if c, err := p.Get(context.Background(), s.Addr()); err == nil && rand.N(2) == 0 {
			c.Close()
			continue
		}
		mu.Lock()
		accepted[len(accepted)-1].Close()
		mu.Unlock()
	}
	close(stop)
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	for _, c := range accepted {
		if c.Err() == nil {
			c.Close()
		}
		for range 1000 { // handlers may still be ending
			if c.inflight.Load() == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if n := c.inflight.Load(); n != 0 {
			c.calls.mu.Lock()
			t.Errorf("%v: %d in flight of %d calls, %d free", c, n, len(c.calls.all), len(c.calls.free))
			c.calls.mu.Unlock()
		}
	}
}

// strike makes one call of a random kind.
func strike(t *testing.T, rnd *rand.Rand, c *Conn) {
	n := 4 + rnd.IntN(1000)
	if rnd.IntN(20) == 0 {
		n = 4 + rnd.IntN(5*maxFragment)
	}
	body := pattern(n)
	op := rnd.Uint32()
	binary.LittleEndian.PutUint32(body, op)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	switch rnd.IntN(4) {
	case 0:
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(3000))*time.Microsecond)
		defer cancel()
	case 1:
		time.AfterFunc(time.Duration(rnd.IntN(1000))*time.Microsecond, cancel)
	}
	got, err := c.Call(ctx, body)
	switch code := abi.CodeOf(err); code {
	case abi.OK:
		if op%8 == 0 {
			t.Errorf("a reply of %d bytes, not an error", len(got))
		}
		if len(got) != n || !bytes.Equal(got[4:], body[4:]) {
			t.Errorf("sent %d bytes, got %d others", n, len(got))
		}
	case abi.Application:
		if op%8 != 0 {
			t.Errorf("another call's error: %v", err)
		}
	case abi.Unavailable, abi.Canceled:
	default:
		t.Errorf("got %v (%v)", err, code)
	}
}
