package mux

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

// While a large request is under way, a small one waits for a batch at most.
func TestSmallCallsPassLargeOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		for range 3 {
			go c.Call(t.Context(), make([]byte, 100*maxFragment))
		}
		synctest.Wait() // a fragment is at the pipe, which has not taken it
		go c.Call(t.Context(), []byte("small"))
		synctest.Wait()
		large := 0
		for {
			f := w.read()
			if string(f.body) == "small" {
				break
			}
			large++
		}
		if large > 2 {
			t.Errorf("%d fragments came first", large)
		}
	})
}

func TestLargeBodiesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		const callers, fragments = 4, 20
		for range callers {
			go c.Call(t.Context(), make([]byte, fragments*maxFragment))
		}
		synctest.Wait()
		seen := map[uint32]int{}
		for range callers * fragments {
			f := w.read()
			seen[f.id]++
			low, high := fragments, 0
			for id := range uint32(callers) {
				low, high = min(low, seen[id]), max(high, seen[id])
			}
			if high-low > 2 {
				t.Fatalf("one body is %d fragments ahead of another", high-low)
			}
		}
	})
}

func TestCancelCutsALargeRequestShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.Call(ctx, make([]byte, 1<<20))
			done <- err
		}()
		if f := w.read(); f.kind != kindRequest || f.total != 1<<20 {
			t.Fatalf("got %+v", f)
		}
		cancel()
		if err := <-done; !errors.Is(err, abi.ErrCanceled) {
			t.Errorf("got %v", err)
		}
		n := 0
		for w.read().kind == kindRequestPart {
			n++
		}
		if n > 2 {
			t.Errorf("%d fragments after the cancel", n)
		}
	})
}

func TestCanceledRequestNeverRunsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		c, w := newWire(t, func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
			ran++
			return body, nil
		})
		w.write(frame{kind: kindRequest, id: 5, total: 10, body: []byte("half.")})
		w.write(frame{kind: kindCancel, id: 5})
		if f := w.read(); f.kind != kindFail || f.id != 5 || abi.Code(f.code) != abi.Canceled {
			t.Errorf("got %+v", f)
		}
		// A fragment that crossed the answer is passed over; the id is free.
		w.write(frame{kind: kindRequestPart, id: 5, body: []byte("late.")}, frame{kind: kindRequest, id: 5, body: []byte("new")})
		if f := w.read(); f.kind != kindReply || string(f.body) != "new" {
			t.Errorf("got %+v", f)
		}
		synctest.Wait()
		if n := c.inflight.Load(); ran != 1 || n != 0 {
			t.Errorf("%d ran, %d are in flight", ran, n)
		}
	})
}

func TestCancelCutsALargeReplyShort(t *testing.T) {
	const size = 64 << 20 // a thousand fragments; how many leave before the cancel is read is chance
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, func(context.Context, *Conn, []byte) ([]byte, error) { return make([]byte, size), nil })
		w.write(frame{kind: kindRequest, id: 1})
		if f := w.read(); f.kind != kindReply || f.total != size {
			t.Fatalf("got %+v", f)
		}
		w.write(frame{kind: kindCancel, id: 1})
		n := 0
		f := w.read()
		for ; f.kind == kindReplyPart; f = w.read() {
			n++
		}
		if n > size/maxFragment/2 || f.kind != kindFail || abi.Code(f.code) != abi.Canceled {
			t.Errorf("%d fragments, then %+v", n, f)
		}
		synctest.Wait()
		if n := c.inflight.Load(); n != 0 {
			t.Errorf("%d are in flight", n)
		}
	})
}

// A peer may refuse a request before it is whole.
func TestEarlyAnswerEndsALargeRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		done := make(chan error)
		go func() {
			_, err := c.Call(t.Context(), make([]byte, 1<<20))
			done <- err
		}()
		id := w.read().id
		w.write(frame{kind: kindFail, id: id, code: uint8(abi.Overloaded)})
		if err := <-done; !errors.Is(err, abi.ErrOverloaded) {
			t.Errorf("got %v", err)
		}
		go c.Call(t.Context(), []byte("next"))
		n := 0
		for string(w.read().body) != "next" {
			n++
		}
		if n > 2 {
			t.Errorf("%d fragments after the answer", n)
		}
	})
}

func TestPartsAreJoined(t *testing.T) {
	c := connect(t, listen(t, echo), "", echo)
	for _, n := range []int{10, maxFragment / 2, maxFragment, 3*maxFragment + 5} {
		a, b := pattern(n), pattern(n/3)
		got, err := c.CallParts(t.Context(), nil, a, nil, b, nil)
		if err != nil || !bytes.Equal(got, append(a, b...)) {
			t.Errorf("%d: got %d bytes, %v", n, len(got), err)
		}
	}
}

// The waiters of a connection that is full go on when there is room.
func TestSendersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		const calls = 2 * maxPending / maxFragment
		for range calls {
			go c.Call(t.Context(), make([]byte, maxFragment))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		if n := c.w.backlog(); n > maxPending+maxFragment+maxHead {
			t.Errorf("%d bytes are pending", n)
		}
		if _, err := c.Call(ctx, nil); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("no room, yet: %v", err)
		}
		for range calls {
			if f := w.read(); f.kind != kindRequest {
				t.Errorf("got %+v", f)
			}
		}
	})
}
