package part

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A site notes what its parts do.
type site struct {
	mu    sync.Mutex
	acts  int
	sent  []api.AskRequest
	send  func(ctx context.Context, m api.AskRequest) ([]byte, error)
	ended error // what Act answers, if not nil
}

func (s *site) Here() dms.Node          { return dms.Node{ID: "k1"} }
func (s *site) Group() string           { return "m1" }
func (s *site) Replicas() []dms.Replica { return nil }

func (s *site) Send(ctx context.Context, m api.AskRequest) ([]byte, error) {
	s.mu.Lock()
	s.sent = append(s.sent, m)
	s.mu.Unlock()
	return s.send(ctx, m)
}

func (s *site) Act(ctx context.Context, f func(context.Context) error) error {
	if s.ended != nil {
		return s.ended
	}
	s.mu.Lock()
	s.acts++
	s.mu.Unlock()
	return f(ctx)
}

func TestEveryTicksUntilThePartEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := &site{}
		var at []time.Duration
		start := time.Now()
		New(ctx, s, "m1/0", 0, nil).Every(10*time.Second, func(context.Context) {
			at = append(at, time.Since(start))
			if len(at) == 1 {
				time.Sleep(35 * time.Second) // two ticks pass by
			}
		})
		time.Sleep(61 * time.Second)
		stop()
		synctest.Wait()
		time.Sleep(time.Hour)
		// One tick waits while f runs, the others are dropped.
		if got, want := fmt.Sprint(at), "[10s 45s 50s 1m0s]"; got != want || s.acts != 4 {
			t.Errorf("ticks at %s with %d acts, want %s", got, s.acts, want)
		}
	})
}

func TestEveryOutlivesASiteThatTurnsItAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := &site{ended: abi.ErrMoved}
		New(ctx, s, "m1/0", 0, nil).Every(time.Second, func(context.Context) { t.Error("it ran") })
		time.Sleep(5 * time.Second)
		stop() // synctest fails the test if the goroutine stays
	})
}

type memory struct {
	Count int
	Names []string
}

func TestKeepRoundTrip(t *testing.T) {
	p := New(t.Context(), &site{}, "m1/0", 0, nil)
	if cells, err := p.Cells(); cells != nil || err != nil {
		t.Errorf("a part that keeps nothing has %v, %v", cells, err)
	}
	m := dms.Keep(p, "memory", memory{Count: 1})
	n := dms.Keep(p, "number", uint64(7))
	m.Count, m.Names, *n = 5, []string{"a", "b"}, 1<<63
	cells, err := p.Cells()
	if err != nil {
		t.Fatal(err)
	}
	q := New(t.Context(), &site{}, "m1/0", 0, cells)
	m2, n2, fresh := dms.Keep(q, "memory", memory{}), dms.Keep(q, "number", uint64(0)), dms.Keep(q, "new", "init")
	if fmt.Sprint(*m2) != fmt.Sprint(*m) || *n2 != *n || *fresh != "init" {
		t.Errorf("read back %+v %d %q", *m2, *n2, *fresh)
	}
	*n2++
	if again, err := q.Cells(); err != nil || string(again["number"]) == string(cells["number"]) || len(again) != 3 {
		t.Errorf("cells are %v, %v: not what the variables hold", again, err)
	}
}

func TestKeepOfWhatHasNoForm(t *testing.T) {
	p := New(t.Context(), &site{}, "m1/0", 0, nil)
	p.Keep("bad", new(chan int))
	if _, err := p.Cells(); abi.CodeOf(err) != abi.Internal || !strings.Contains(err.Error(), "cell bad") {
		t.Errorf("got %v", err)
	}
}

func TestFaultsOfADM(t *testing.T) {
	answer := func(context.Context, dms.Peer, []byte) ([]byte, error) { return nil, nil }
	for want, f := range map[string]func(p *Part){
		"two answers to ping":           func(p *Part) { p.Receive("ping", answer); p.Receive("ping", answer) },
		"two cells named x":             func(p *Part) { p.Keep("x", new(int)); p.Keep("x", new(int)) },
		"cell kept cannot be read back": func(p *Part) { p.Keep("kept", new(int)) },
	} {
		var err error
		func() {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			f(New(t.Context(), &site{}, "m1/0", 0, api.Cells{"kept": []byte("\x61x")}))
		}()
		if !strings.Contains(err.Error(), want) {
			t.Errorf("panicked with %v, want %q", err, want)
		}
	}
}

func TestDeliver(t *testing.T) {
	s := &site{}
	p := New(t.Context(), s, "m1/0", 2, nil)
	p.Receive("greet", func(_ context.Context, from dms.Peer, body []byte) ([]byte, error) {
		if len(body) == 0 {
			return nil, abi.ErrConflict
		}
		return []byte(string(from) + " says " + string(body)), nil
	})
	out, err := p.Deliver(t.Context(), api.AskRequest{From: "@k2", Kind: "greet", Body: []byte("hello")})
	if err != nil || string(out) != "@k2 says hello" || s.acts != 1 {
		t.Errorf("%q, %v, with %d acts", out, err, s.acts)
	}
	if _, err := p.Deliver(t.Context(), api.AskRequest{Kind: "greet"}); !errors.Is(err, abi.ErrConflict) {
		t.Errorf("its error: %v", err)
	}
	_, err = p.Deliver(t.Context(), api.AskRequest{Kind: "leave"})
	if abi.CodeOf(err) != abi.Refused || !strings.Contains(err.Error(), "layer 2 at m1/0 has no answer to leave") || s.acts != 2 {
		t.Errorf("an unknown kind: %v, with %d acts", err, s.acts)
	}
	s.ended = abi.ErrMoved
	if _, err := p.Deliver(t.Context(), api.AskRequest{Kind: "greet", Body: []byte("x")}); !errors.Is(err, abi.ErrMoved) {
		t.Errorf("to a part that is gone: %v", err)
	}
}

// Changed runs all that asked, and waits for none of it.
func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{}
		p := New(t.Context(), s, "m1/0", 0, nil)
		var mu sync.Mutex
		done := 0
		for range 3 {
			p.OnMembershipChange(func(context.Context) {
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				done++
			})
		}
		start := time.Now()
		p.Changed()
		if time.Since(start) > 0 {
			t.Error("it waited")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if done != 3 || s.acts != 3 {
			t.Errorf("%d of 3 have run, with %d acts", done, s.acts)
		}
	})
}

func TestSendAndPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var lost error
		s := &site{send: func(ctx context.Context, m api.AskRequest) ([]byte, error) {
			if m.Tell {
				<-ctx.Done()
				lost = ctx.Err()
				return nil, ctx.Err()
			}
			return []byte("answer"), nil
		}}
		p := New(ctx, s, "@k1", 3, nil)
		if out, err := p.Send(t.Context(), "m1/0", "kind", []byte("body")); err != nil || string(out) != "answer" {
			t.Errorf("%q, %v", out, err)
		}
		p.Post(dms.Coordinator, "news", nil)
		synctest.Wait() // Post has returned, and its message is still on the way
		stop()
		synctest.Wait()
		if lost == nil {
			t.Error("the message outlives the part")
		}
		p.Post(dms.Coordinator, "late", nil)
		synctest.Wait()
		want := []string{"{m1 0 3 @k1 m1/0  kind [98 111 100 121] false}", "{m1 0 3 @k1   news [] true}", "{m1 0 3 @k1   late [] true}"}
		for i, m := range s.sent {
			if got := fmt.Sprint(m); got != want[i] {
				t.Errorf("sent %s, want %s", got, want[i])
			}
		}
	})
}

func TestRand(t *testing.T) {
	p := New(t.Context(), &site{}, "m1/0", 0, nil)
	seen := map[int]bool{}
	for range 1000 {
		n := p.Rand(3)
		if n < 0 || n > 2 {
			t.Fatalf("Rand(3) = %d", n)
		}
		seen[n] = true
	}
	if len(seen) != 3 {
		t.Errorf("Rand(3) gives %v", seen)
	}
}

func TestCaught(t *testing.T) {
	var log strings.Builder
	guarded := func(f func() error) (err error) {
		defer Caught(slog.New(slog.NewTextHandler(&log, nil)), &err)
		return f()
	}
	if err := guarded(func() error { return abi.ErrConflict }); !errors.Is(err, abi.ErrConflict) || log.Len() > 0 {
		t.Errorf("without a panic: %v, logged %q", err, &log)
	}
	err := guarded(func() error { panic(errors.New("it fell over")) })
	if abi.CodeOf(err).Fate() != abi.Perhaps || !strings.Contains(err.Error(), "it fell over") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "part_test.go") {
		t.Errorf("the log has no stack: %s", &log)
	}
}
