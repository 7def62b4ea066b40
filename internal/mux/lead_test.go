package mux

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

// requests returns n requests with the ids from 0 and a byte of body, the id.
func requests(n int) (fs []frame) {
	for i := range n {
		fs = append(fs, frame{kind: kindRequest, id: uint32(i), body: []byte{byte(i)}})
	}
	return fs
}

func TestABatchIsCarriedOutInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran []byte // by one goroutine at a time, or -race says so
		_, w := newWire(t, func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
			ran = append(ran, body...)
			return body, nil
		})
		const n = 50
		w.write(requests(n)...)
		for i := range n {
			if f := w.read(); f.kind != kindReply || f.id != uint32(i) || f.body[0] != byte(i) {
				t.Fatalf("answer %d is %+v", i, f)
			}
		}
		if len(ran) != n {
			t.Errorf("%d ran", len(ran))
		}
	})
}

// Whatever a handler of a batch waits for, the others are answered: at once if it
// waits for its context, too, else when the watchdog has seen it.
func TestAHandlerThatWaitsHoldsUpNobody(t *testing.T) {
	forever := make(chan struct{})
	for name, x := range map[string]struct {
		wait   func(ctx context.Context, from *Conn)
		within time.Duration
	}{
		"for its context":             {func(ctx context.Context, _ *Conn) { <-ctx.Done() }, 0},
		"for a context made from it":  {func(ctx context.Context, _ *Conn) { child(ctx) }, 0},
		"for a call back":             {func(ctx context.Context, from *Conn) { _, _ = from.Call(ctx, nil) }, 0},
		"for a call back, without it": {func(_ context.Context, from *Conn) { _, _ = from.Call(context.Background(), nil) }, time.Millisecond},
		"for something else":          {func(context.Context, *Conn) { <-forever }, time.Millisecond},
		"for a while":                 {func(context.Context, *Conn) { time.Sleep(time.Second) }, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "for something else" {
					forever = make(chan struct{}) // of this bubble
					defer close(forever)
				}
				c, w := newWire(t, func(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
					if body[0]%3 == 0 {
						x.wait(ctx, from)
					}
					return body, nil
				})
				defer c.Close()
				for range 2 {
					start := time.Now()
					w.write(requests(30)...)
					for answers := 0; answers < 20; {
						if w.read().kind == kindReply {
							answers++
						}
					}
					if took := time.Since(start); took > x.within {
						t.Errorf("the others waited %v", took)
					}
					if name == "for a while" {
						for range 10 { // so that their ids are free
							w.read()
						}
						continue
					}
					return
				}
			})
		})
	}
}

func child(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	<-ctx.Done()
}

// After the watchdog has barked requests run apart; when none is slow for long they
// run in line again.
func TestTheWatchdogIsForgiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, inside, most atomic.Int32
		slow.Store(1)
		c, w := newWire(t, func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer inside.Add(-1)
			if slow.Load() > 0 {
				time.Sleep(10 * time.Millisecond)
			}
			return body, nil
		})
		batch := func() {
			most.Store(0)
			w.write(requests(20)...)
			for range 20 {
				w.read()
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		batch()
		if most.Load() < 19 {
			t.Errorf("%d slow requests ran at a time", most.Load())
		}
		slow.Store(0)
		for range 1 + minApart/20 {
			batch()
		}
		before := c.apart
		batch()
		if before != 0 || c.apart != 0 {
			t.Errorf("%d more requests go apart", before)
		}
		if n := len(c.work.dog.conns); n != 0 {
			t.Errorf("the watchdog watches %d connections that do nothing", n)
		}
	})
}

func TestCloseEndsTheRequestsOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var canceled atomic.Int32
		c, w := newWire(t, func(ctx context.Context, _ *Conn, body []byte) ([]byte, error) {
			if body[0] == 0 { // is in the lead when the connection is closed
				<-release
			}
			<-ctx.Done()
			canceled.Add(1)
			return nil, ctx.Err()
		})
		w.write(requests(5)...)
		synctest.Wait()
		c.Close()
		synctest.Wait()
		if n := canceled.Load(); n != 4 {
			t.Errorf("%d handlers know", n)
		}
		close(release)
		synctest.Wait()
		if n := c.inflight.Load(); n != 0 || canceled.Load() != 5 {
			t.Errorf("%d are in flight", n)
		}
	})
}

// A peer that does not read its answers has its requests wait, and gets every answer
// when it does.
func TestAnswersWaitForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, func(context.Context, *Conn, []byte) ([]byte, error) {
			return make([]byte, maxFragment), nil
		})
		const n = 10 * maxPending / maxFragment
		w.write(requests(n)...)
		synctest.Wait()
		if b := c.w.backlog(); b > maxPending+3*maxFragment {
			t.Errorf("%d bytes are pending", b)
		}
		for range n {
			if f := w.read(); f.kind != kindReply || len(f.body) != maxFragment {
				t.Fatalf("got %v of %d bytes", f.kind, len(f.body))
			}
		}
	})
}

// What came before a peer broke the rules is carried out.
func TestTheWholeFramesOfABrokenBatchCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		c, w := newWire(t, func(context.Context, *Conn, []byte) ([]byte, error) {
			ran.Add(1)
			return nil, nil
		})
		w.write(append(requests(3), frame{kind: kindReply, id: 7})...)
		<-c.Done()
		synctest.Wait()
		if n := c.inflight.Load(); ran.Load() != 3 || n != 0 {
			t.Errorf("%d ran, %d are in flight", ran.Load(), n)
		}
	})
}

// Over the network, where the lead writes by itself.
func TestBatchesOverTCP(t *testing.T) {
	noLeaks(t)
	s := listen(t, func(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
		switch len(body) {
		case 1:
			<-ctx.Done()
			return nil, ctx.Err()
		case 2:
			time.Sleep(time.Microsecond)
		case 3:
			return from.Call(ctx, body)
		}
		return body, nil
	})
	c := connect(t, s, "", echo)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%8 == 1 {
					time.AfterFunc(time.Microsecond, cancel)
				}
				_, err := c.Call(ctx, make([]byte, i%8))
				cancel()
				if err != nil && !(i%8 == 1 && errors.Is(err, abi.ErrCanceled)) {
					t.Errorf("call %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}
