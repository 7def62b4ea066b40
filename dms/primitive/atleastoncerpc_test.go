package primitive_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	_ "amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
	"amino.run/dms/primitive"
	_ "amino.run/dms/scalability"
)

func run(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, dmtest.Nodes()...)) })
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func TestRetriesUntilAnswered(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		if err := b.Verb("checkpoint"); err != nil {
			t.Fatal(err)
		}
		cl.Kill("a")
		time.AfterFunc(5*time.Second, func() { cl.Restart("a") })
		if d := took(func() { b.Add(t, 2) }); d < 5*time.Second || d > 7*time.Second {
			t.Errorf("took %v", d)
		}
		b.Want(t, 1, 2)
	}, "AtLeastOnceRPC(timeout=10s)", "ExplicitCheckpoint")
}

func TestGivesUp(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		cl.Kill("a")
		d := took(func() {
			_, err := b.Append(1)
			dmtest.WantError(t, err, abi.ErrUnavailable, "tried 1", "times in 9.")
		})
		if d < 9*time.Second || d > 10*time.Second {
			t.Errorf("gave up after %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		d = took(func() { dmtest.WantError(t, b.Do(ctx, nil, "append", 1), abi.ErrUnavailable, "times in") })
		if d > 2*time.Second {
			t.Errorf("took %v, after the caller's deadline", d)
		}
	}, "AtLeastOnceRPC(timeout=10s)")
}

func TestLostAnswerRunsAgain(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		cl.LoseAnswers("a", "b", 2)
		b.Add(t, 1)
		b.Want(t, 1, 1, 1)
	}, "AtLeastOnceRPC")
}

func TestApplicationErrorIsAnAnswer(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 1), abi.AppError(""), "failed")
		b.Want(t, 1)
	}, "AtLeastOnceRPC")
}

// The error of the last attempt must not hide that an earlier one may have run.
func TestFate(t *testing.T) {
	d := &primitive.AtLeastOnceRPC{Timeout: time.Second, Pause: 100 * time.Millisecond, MaxPause: time.Second}
	for name, c := range map[string]struct {
		errs  []error // of the attempts; the last again and again
		want  error
		tries int
	}{
		"overloaded all along":           {[]error{abi.ErrOverloaded}, abi.ErrOverloaded, 4},
		"unavailable, then overloaded":   {[]error{abi.ErrUnavailable, abi.ErrOverloaded}, abi.ErrUnavailable, 4},
		"unavailable, then not found":    {[]error{abi.ErrUnavailable, abi.ErrNotFound}, abi.ErrUnavailable, 2},
		"overloaded, then not found":     {[]error{abi.ErrOverloaded, abi.ErrNotFound}, abi.ErrNotFound, 2},
		"unavailable, then application":  {[]error{abi.ErrUnavailable, abi.AppError("no")}, abi.AppError(""), 2},
		"unavailable, then trap":         {[]error{abi.ErrUnavailable, abi.ErrTrap}, abi.ErrUnavailable, 2},
		"leased, then answered":          {[]error{abi.ErrLeased, nil}, nil, 2},
		"refused":                        {[]error{abi.ErrPermission}, abi.ErrPermission, 1},
		"the context ended with attempt": {[]error{context.DeadlineExceeded}, abi.ErrUnavailable, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				h := d.Proxy(half{}, func(_ context.Context, call dms.Call) ([]byte, error) {
					if call.ID != 7 {
						t.Errorf("sent again with ID %d", call.ID)
					}
					tries++
					return nil, c.errs[min(tries, len(c.errs))-1]
				})
				_, err := h(t.Context(), dms.Call{ID: 7})
				if abi.CodeOf(err) != abi.CodeOf(c.want) || tries != c.tries {
					t.Errorf("%v after %d tries; want %v after %d", err, tries, c.want, c.tries)
				}
			})
		})
	}
}

// half is a Caller whose chance is always the middle.
type half struct{ dms.Caller }

func (half) Rand(n int) int { return n / 2 }

func TestValidate(t *testing.T) {
	for _, spec := range []string{"AtLeastOnceRPC(timeout=0s)", "AtLeastOnceRPC(pause=-1s)", "AtLeastOnceRPC(maxPause=0s)"} {
		_, err := dms.Parse(spec)
		dmtest.WantError(t, err, abi.ErrRefused, "not more than zero")
	}
}
