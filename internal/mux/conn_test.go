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

	"amino.run/abi"
)

// The handler has a little less time than the caller waits, so that what it says of
// its end reaches the caller.
func TestDeadlineTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan time.Duration, 1)
		c, _ := pair(t, func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
			d, _ := ctx.Deadline()
			left <- time.Until(d)
			<-ctx.Done()
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("the handler's context ended with %v", ctx.Err())
			}
			return nil, abi.Errorf(abi.Deadline, "stopped, and undone")
		})
		for waits, want := range map[time.Duration]time.Duration{
			3 * time.Second:       3*time.Second - maxMargin,
			20 * time.Millisecond: 18 * time.Millisecond,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), waits)
			start := time.Now()
			_, err := c.Call(ctx, nil)
			if !errors.Is(err, abi.ErrDeadline) || time.Since(start) != want {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
			if d := <-left; d != want {
				t.Errorf("%v were left", d)
			}
			cancel()
		}
	})
}

func TestCancelReachesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		c, _ := pair(t, func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Call(ctx, nil); !errors.Is(err, abi.ErrCanceled) {
			t.Errorf("got %v", err)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
		synctest.Wait()
		if n := len(c.calls.free); n != 1 {
			t.Errorf("%d calls are free, want 1: the late answer frees it", n)
		}
	})
}

// A canceled call's id is used again only once the peer has answered it.
func TestLateAnswerDoesNotHitALaterCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := newWire(t, echo)
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := c.Call(ctx, []byte("first"))
			first <- err
		}()
		id := w.read().id
		cancel()
		if f := w.read(); f.kind != kindCancel || f.id != id {
			t.Fatalf("got %+v", f)
		}
		<-first
		go c.Call(t.Context(), []byte("second"))
		if f := w.read(); f.id == id {
			t.Error("the second call has the first one's id")
		}
		w.write(frame{kind: kindReply, id: id, body: []byte("late")})
		synctest.Wait()
		go c.Call(t.Context(), []byte("third"))
		if f := w.read(); f.id != id {
			t.Error("the first call's id is not used again")
		}
	})
}

func TestNothingIsSentAfterTheContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, func(context.Context, *Conn, []byte) ([]byte, error) {
			t.Error("the call ran")
			return nil, nil
		})
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-1))
		defer cancel()
		for ctx, want := range map[context.Context]error{canceled: abi.ErrCanceled, late: abi.ErrUnavailable} {
			if _, err := c.Call(ctx, nil); !errors.Is(err, want) || !strings.Contains(err.Error(), "not sent") {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}

func TestLostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		c, s := pair(t, func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
			<-ctx.Done()
			close(ended)
			return nil, nil
		})
		time.AfterFunc(time.Second, func() { s.Close() })
		_, err := c.Call(t.Context(), nil)
		if !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "may have run") {
			t.Errorf("waiting call: got %v", err)
		}
		<-ended
		<-c.Done()
		_, err = c.Call(t.Context(), nil)
		if !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("later call: got %v", err)
		}
		if _, err = c.Call(t.Context(), make([]byte, 1<<20)); !strings.Contains(err.Error(), "not sent") {
			t.Errorf("later large call: got %v", err)
		}
		if c.Err() == nil || !errors.Is(s.Err(), errClosed) {
			t.Errorf("Err = %v and %v", c.Err(), s.Err())
		}
	})
}

func TestSilentPeerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := over(a, echo)
		go io.Copy(io.Discard, b) // takes all in, says nothing
		start := time.Now()
		_, err := c.Call(t.Context(), nil)
		if took := time.Since(start); !errors.Is(err, abi.ErrUnavailable) || took < 5*time.Second || took > 6*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

func TestBlockedPeerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := net.Pipe() // nobody receives: the write hangs
		c := over(a, echo)
		if _, err := c.Call(t.Context(), nil); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestIdleConnectionLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, echo)
		time.Sleep(time.Hour)
		if _, err := c.Call(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestSlowHandlerBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, func(ctx context.Context, _ *Conn, body []byte) ([]byte, error) {
			if len(body) == 0 {
				time.Sleep(time.Minute)
			}
			return body, nil
		})
		for range 100 {
			go c.Call(t.Context(), nil)
		}
		synctest.Wait()
		start := time.Now()
		if _, err := c.Call(t.Context(), []byte{1}); err != nil || time.Since(start) > 2*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		c := over(a, echo)
		over(b, hang, MaxInFlight(10))
		defer c.Close()
		for range 10 {
			go c.Call(t.Context(), nil)
		}
		synctest.Wait()
		for _, n := range []int{0, 1 << 20} {
			if _, err := c.Call(t.Context(), make([]byte, n)); !errors.Is(err, abi.ErrOverloaded) {
				t.Errorf("%d bytes: the server said %v", n, err)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, hang, MaxInFlight(1))
		ctx, cancel := context.WithCancel(t.Context())
		go c.Call(ctx, nil)
		synctest.Wait()
		if _, err := c.Call(t.Context(), nil); !errors.Is(err, abi.ErrOverloaded) || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("the client said %v", err)
		}
		cancel()
		synctest.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Call(ctx, nil); errors.Is(err, abi.ErrOverloaded) {
			t.Error("still overloaded after the call ended")
		}
	})
}

func TestBodyLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100 << 10
		reply := func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
			return make([]byte, 2*len(body)), nil
		}
		a, b := net.Pipe()
		c, s := over(a, reply), over(b, reply, MaxBody(limit))
		defer c.Close()
		for _, x := range []struct {
			what     string
			from     *Conn
			n        int
			want     error
			mustSent bool
		}{
			{"request at the limit", s, limit, nil, true},
			{"request over the sender's limit", s, limit + 1, abi.ErrBadArgument, false},
			{"request over the receiver's limit", c, limit + 1, abi.ErrBadArgument, true},
			{"reply over the sender's limit", c, limit, abi.ErrBadReply, true},
			{"reply over the receiver's limit", s, limit/2 + 1, abi.ErrBadReply, true},
			{"reply at the limit", c, limit / 2, nil, true},
		} {
			_, err := x.from.Call(t.Context(), make([]byte, x.n))
			if x.what == "request at the limit" {
				x.want = abi.ErrBadReply // its reply has twice the limit
			}
			if abi.CodeOf(err) != abi.CodeOf(x.want) {
				t.Errorf("%s: got %v", x.what, err)
			}
			if err != nil && strings.HasPrefix(err.Error(), "not sent") == x.mustSent {
				t.Errorf("%s: got %v", x.what, err)
			}
		}
	})
}
