package mux

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

// A late is a context that only adds a deadline, without a timer of its own.
type late struct {
	context.Context
	at time.Time
}

func (l late) Deadline() (time.Time, bool)         { return l.at, true }
func (l late) Bound() (context.Context, time.Time) { return l.Context, l.at }
func (l late) Done() <-chan struct{}               { panic("a timer of its own") }
func (l late) Err() error {
	if err := l.Context.Err(); err != nil || time.Now().Before(l.at) {
		return err
	}
	return context.DeadlineExceeded
}

func in(ctx context.Context, d time.Duration) late { return late{ctx, time.Now().Add(d)} }

// mute answers nothing, whatever its context says.
func mute(t *testing.T) Handler {
	return func(context.Context, *Conn, []byte) ([]byte, error) {
		<-t.Context().Done()
		return nil, nil
	}
}

func TestEachCallEndsAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		took := make(chan [2]time.Duration)
		for _, d := range []time.Duration{3 * time.Second, time.Second, 4 * time.Second, 2 * time.Second, time.Second} {
			go func() {
				start := time.Now()
				_, err := c.Call(in(context.Background(), d), nil)
				if !errors.Is(err, abi.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				took <- [2]time.Duration{d, time.Since(start)}
			}()
			w.read()
		}
		for range 5 {
			canceled := false
			for !canceled { // each is told to the peer
				canceled = w.read().kind == kindCancel
			}
			if d := <-took; d[0] != d[1] {
				t.Errorf("a call of %v took %v", d[0], d[1])
			}
		}
		if !c.calls.next.IsZero() {
			t.Error("the timer runs on")
		}
	})
}

// An answer that comes too late frees the call's id, and hits no other.
func TestALateAnswerFreesTheID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		go c.Call(in(context.Background(), time.Second), nil)
		id := w.read().id
		if f := w.read(); f.kind != kindCancel || f.id != id {
			t.Fatalf("got %+v", f)
		}
		go c.Call(context.Background(), nil)
		if f := w.read(); f.id == id {
			t.Error("the id is used again before it is answered")
		}
		w.write(frame{kind: kindReply, id: id})
		synctest.Wait()
		go c.Call(context.Background(), nil)
		if f := w.read(); f.id != id {
			t.Error("the id is not free")
		}
	})
}

// An answer that comes while its caller is being told that the time is up counts, or
// does not; nothing is lost either way.
func TestAnswersAtTheLastMoment(t *testing.T) {
	cs := calls{limit: 1}
	for _, abandons := range []bool{true, false} {
		p, err := cs.start(time.Now().Add(-1))
		if err != nil {
			t.Fatal(err)
		}
		cs.expire()
		if p.answered(nil) {
			t.Fatal("answered by nobody")
		}
		if abandons && !cs.abandon(p) {
			t.Error("there is no answer yet")
		}
		if !cs.answer(p.id, []byte{1}, nil, false) {
			t.Error("the answer hits nothing")
		}
		if abandons {
			continue
		}
		if cs.abandon(p) {
			t.Error("there is an answer")
		}
		if reply, err := cs.take(p); len(reply) != 1 || err != nil {
			t.Errorf("got %v, %v", reply, err)
		}
	}
	if p, err := cs.start(time.Time{}); err != nil || p.expired || len(p.ready) != 0 {
		t.Errorf("the next call: %+v, %v", p, err)
	}
}

func TestABoundedContextEndsWithItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, mute(t))
		parent, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Call(in(parent, time.Minute), nil); !errors.Is(err, abi.ErrCanceled) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Call(in(parent, time.Minute), nil); !errors.Is(err, abi.ErrCanceled) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Call(in(context.Background(), 0), nil); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

// The time of a call may be up before it is sent.
func TestTimeIsUpWhileWaitingForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		for range 2 * maxPending / maxFragment {
			go c.Call(context.Background(), make([]byte, maxFragment))
		}
		synctest.Wait()
		for _, n := range []int{1, 10 * maxFragment} {
			start := time.Now()
			_, err := c.Call(in(context.Background(), time.Second), make([]byte, n))
			if !errors.Is(err, abi.ErrUnavailable) || time.Since(start) != time.Second {
				t.Errorf("%d bytes: got %v after %v", n, err, time.Since(start))
			}
		}
		w.read()
	})
}
