package dmtest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func inBubble(t *testing.T, chain dms.Chain, f func(t *testing.T, cl *Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl, err := Deploy(t, NewList, chain, Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		f(t, cl)
	})
}

func TestLinks(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		b := cl.Client("b")
		cl.Delay("a", "b", time.Second)
		before := time.Now()
		b.Add(t, 1)
		if d := time.Since(before); d != 2*time.Second {
			t.Errorf("a round trip took %v", d)
		}
		cl.Cut("b", "a") // the request is lost
		_, err := b.Append(2)
		WantError(t, err, abi.ErrUnavailable)
		cl.Heal()
		cl.Cut("a", "b") // the answer is lost
		_, err = b.Append(3)
		WantError(t, err, abi.ErrUnavailable)
		cl.Heal()
		cl.LoseAnswers("a", "b", 1)
		_, err = b.Append(4)
		WantError(t, err, abi.ErrUnavailable)
		b.Want(t, 1, 3, 4)
	})
}

// A coordinator sees the round trips of the links as they are, and chooses the primary.
func TestRTTAndPromote(t *testing.T) {
	n := Nodes()
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		g := &group{newPart(cl, t.Context(), dms.Coordinator, 0, dms.Node{ID: OMS}), cl.master()}
		rtt := func(want time.Duration) {
			t.Helper()
			if got := g.RTT(n[0], n[1]); got != want || g.RTT(n[1], n[0]) != want || g.RTT(n[0], n[0]) != 0 {
				t.Errorf("RTT = %v, want %v", got, want)
			}
		}
		cl.Delay("a", "b", 20*time.Millisecond)
		rtt(40 * time.Millisecond)
		cl.Cut("b", "a")
		rtt(dms.Unmeasured)
		cl.Heal()
		cl.Kill("b")
		rtt(dms.Unmeasured)
		if err := dms.Grow(t.Context(), g, 3); err != nil {
			t.Fatal(err)
		}
		all := g.Replicas()
		if err := g.Promote(t.Context(), all[2]); err != nil || !slices.Equal(cl.Where(), []string{"d", "a", "c"}) {
			t.Errorf("%v: the replicas are on %v", err, cl.Where())
		}
		cl.Kill("a")
		WantError(t, g.Promote(t.Context(), all[0]), abi.ErrUnavailable)
	})
}

// A call whose caller has given up arrives all the same.
func TestLateCall(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		cl.Delay("a", "b", 3*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := cl.Client("b").Do(ctx, nil, "append", 1); err != context.DeadlineExceeded {
			t.Errorf("%v", err)
		}
		cl.Client("a").Want(t)
		time.Sleep(3 * time.Second)
		cl.Client("a").Want(t, 1)
	})
}

// keeper counts the calls that arrive in a cell, and tells its coordinator, which
// counts them in one of its own.
type keeper struct{ recovers bool }

type counted struct{ N int }

func (k keeper) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	n := dms.Keep(c, "n", 0)
	if k.recovers {
		c.OnRecover(func(ctx context.Context) error { return dms.LoadLast(ctx, c) })
	}
	dms.Answer(c, func(context.Context, dms.Peer, counted) (counted, error) { return counted{*n}, nil })
	return dms.Serial(func(ctx context.Context, call dms.Call) ([]byte, error) {
		*n++
		dms.Tell(c, dms.Coordinator, counted{*n})
		if err := dms.SaveNow(ctx, c); err != nil {
			return nil, err
		}
		return next(ctx, call)
	})
}

func (k keeper) Coordinator(g dms.Group) {
	n := dms.Keep(g, "n", 0)
	dms.Answer(g, func(context.Context, dms.Peer, counted) (dms.None, error) {
		*n++
		return dms.None{}, nil
	})
	dms.Answer(g, func(context.Context, dms.Peer, total) (counted, error) { return counted{*n}, nil })
}

type total struct{}

func (k keeper) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Method != "counts" {
			return next(ctx, call)
		}
		here, err := dms.AskPrimary[counted](ctx, c, counted{})
		if err != nil {
			return nil, err
		}
		all, err := dms.Ask[counted](ctx, c, dms.Coordinator, total{})
		if err != nil {
			return nil, err
		}
		return abi.Encode([]int{here.N, all.N})
	}
}

func wantCounts(t *testing.T, c *Client, want ...int) {
	t.Helper()
	var got []int
	synctest.Wait() // what was told has arrived
	if err := c.Do(t.Context(), &got, "counts"); err != nil || !slices.Equal(got, want) {
		t.Errorf("the cells hold %v, %v; want %v", got, err, want)
	}
}

func TestCells(t *testing.T) {
	inBubble(t, dms.Chain{keeper{recovers: true}}, func(t *testing.T, cl *Cluster) {
		b := cl.Client("b")
		b.Add(t, 1, 2)
		wantCounts(t, b, 2, 2)
		if err := cl.Move("c"); err != nil { // they move along
			t.Fatal(err)
		}
		b.Add(t, 3)
		wantCounts(t, b, 3, 3)
		cl.RestartOMS() // and outlive the OMS's process
		b.Add(t, 4)
		wantCounts(t, b, 4, 4)
		cl.Kill("c") // but not the replica's
		time.Sleep(time.Second)
		cl.Restart("c")
		b.Want(t, 1, 2, 3) // saved before the fourth ran
		wantCounts(t, b, 1, 5)
	})
}

func TestNoRecovery(t *testing.T) {
	inBubble(t, dms.Chain{keeper{}}, func(t *testing.T, cl *Cluster) {
		cl.Client("b").Add(t, 1)
		cl.Kill("a")
		_, err := cl.Client("a").Append(2)
		WantError(t, err, abi.ErrUnavailable)
		cl.Restart("a")
		_, err = cl.Client("b").List()
		WantError(t, err, abi.ErrUnavailable)
	})
}

// What a replica does after its node has failed has no effect.
func TestZombie(t *testing.T) {
	inBubble(t, dms.Chain{keeper{recovers: true}}, func(t *testing.T, cl *Cluster) {
		cl.Client("b").Add(t, 1)
		time.AfterFunc(time.Second, func() { cl.Kill("a"); cl.Restart("a") })
		err := cl.Client("b").Do(t.Context(), nil, "append", 2, 5000)
		WantError(t, err, abi.ErrUnavailable)
		time.Sleep(10 * time.Second)
		cl.Client("b").Want(t, 1)
	})
}

// The gate lets a move wait for the calls inside, and the others for the move.
func TestMoveWaitsUntilQuiet(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		done := make(chan error, 2)
		go func() { done <- cl.Client("b").Do(t.Context(), nil, "append", 1, 2000) }()
		time.Sleep(time.Second)
		before := time.Now()
		go func() {
			time.Sleep(500 * time.Millisecond)
			done <- cl.Client("d").Do(t.Context(), nil, "append", 2)
		}()
		if err := cl.Move("c"); err != nil {
			t.Error(err)
		}
		if d := time.Since(before); d != time.Second {
			t.Errorf("the move took %v", d)
		}
		if err1, err2 := <-done, <-done; err1 != nil || err2 != nil {
			t.Errorf("%v, %v", err1, err2)
		}
		cl.Client("a").Want(t, 1, 2)
		if at := cl.Where(); !slices.Equal(at, []string{"c"}) || cl.Moves() != 1 {
			t.Errorf("on %v after %d moves", at, cl.Moves())
		}
	})
}

func TestUnknownMethodAndNode(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, cl *Cluster) {
		WantError(t, cl.Client("b").Do(t.Context(), nil, "sing"), abi.ErrMethod, `"sing"`)
		defer func() {
			if recover() == nil {
				t.Error("a node that there is not")
			}
		}()
		cl.Kill("nowhere")
	})
}
