package dmtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// logged is a group with a log, and no more: a call is tried at each replica for a
// while, until one leads.
type logged struct {
	n       int
	written bool // by readonly calls too
	undo    bool // what fails is taken back
}

func (d logged) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) (out []byte, err error) {
		for range 20 {
			for _, r := range c.Replicas() {
				out, err = c.Invoke(ctx, r, call)
				if down := err != nil && strings.Contains(err.Error(), "cannot be reached"); !down && !errors.Is(err, abi.ErrNotLeader) {
					return out, err
				}
			}
			time.Sleep(beat)
		}
		return out, err
	}
}

func (d logged) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	n := dms.Keep(c, "n", 0)
	dms.Answer(c, func(context.Context, dms.Peer, counted) (counted, error) { return counted{*n}, nil })
	return c.Log(func(ctx context.Context, call dms.Call) ([]byte, error) {
		if !call.ReadOnly || d.written {
			*n++
		}
		out, err := next(ctx, call)
		if err != nil && d.undo {
			e := *abi.AsError(err)
			e.State = abi.StateBefore
			return nil, &e
		}
		return out, err
	}).Propose
}

func (d logged) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error { return dms.Grow(ctx, g, d.n) })
}

// leader returns the replica that leads.
func leader(t *testing.T, cl *Cluster) *replica {
	t.Helper()
	for range 100 {
		for _, r := range cl.members() {
			if r.life.Err() == nil && r.log.Leader() == r.Peer {
				return r
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("no replica leads")
	return nil
}

// same fails the test unless all replicas that are alive hold these numbers.
func same(t *testing.T, cl *Cluster, numbers ...int) {
	t.Helper()
	time.Sleep(2 * beat)
	for i, l := range cl.Lists() {
		if !slices.Equal(l, numbers) {
			t.Errorf("replica %d holds %v; want %v", i, l, numbers)
		}
	}
}

func TestLogGoesOnWithAMajority(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 3}}, func(t *testing.T, cl *Cluster) {
		d := cl.Client("d")
		d.Add(t, 1, 2)
		same(t, cl, 1, 2)
		was := leader(t, cl)
		cl.Kill(was.Node.ID)
		now := leader(t, cl)
		if now == was {
			t.Fatal("the lost replica leads")
		}
		d.Add(t, 3)
		d.Want(t, 1, 2, 3)
		cl.Restart(was.Node.ID)
		time.Sleep(time.Second)
		same(t, cl, 1, 2, 3)
		for _, r := range cl.members() {
			cl.Kill(r.Node.ID)
		}
		_, err := d.List()
		WantError(t, err, abi.ErrUnavailable)
		for _, r := range cl.members() {
			cl.Restart(r.Node.ID)
		}
		leader(t, cl)
		d.Want(t, 1, 2, 3)
	})
}

func TestLogWithoutAMajority(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 3}}, func(t *testing.T, cl *Cluster) {
		d, all := cl.Client("d"), cl.Where()
		d.Add(t, 1)
		cl.Kill(all[1])
		cl.Kill(all[2])
		_, err := d.Append(2) // the leader runs ahead, and is deposed
		WantError(t, err, abi.ErrUnavailable, "ceased to lead")
		time.Sleep(time.Second)
		same(t, cl, 1)
		_, err = cl.Client(all[0]).Append(3)
		WantError(t, err, abi.ErrUnavailable)
		cl.Restart(all[1])
		leader(t, cl)
		if got, err := d.List(); err != nil || !slices.Equal(got, []int{1}) && !slices.Equal(got, []int{1, 2}) {
			t.Errorf("%v, %v: an entry on one disk may be committed or not", got, err)
		}
	})
}

// A leader that is cut off answers no read, however new it thinks its state is.
func TestLogReadsAreConfirmed(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 3}}, func(t *testing.T, cl *Cluster) {
		was := leader(t, cl)
		at := was.Node.ID
		for _, r := range cl.replicas() {
			cl.Cut(at, r.Node.ID)
			cl.Cut(r.Node.ID, at)
		}
		_, err := cl.Client(at).List()
		WantError(t, err, abi.ErrUnavailable)
		time.Sleep(6 * patience)
		d := cl.Client("d")
		d.Add(t, 1)
		d.Want(t, 1)
		cl.Heal()
		time.Sleep(2 * patience)
		same(t, cl, 1)
	})
}

func TestLogTakesBack(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 1, undo: true}}, func(t *testing.T, cl *Cluster) {
		a := cl.Client("a")
		a.Add(t, 1)
		WantError(t, a.Do(t.Context(), nil, "fail", 2), abi.AppError(""))
		a.Want(t, 1)
		cl.FillDisk("a", true)
		_, err := a.Append(3)
		WantError(t, err, abi.ErrStorage, "full", "did not run")
		time.Sleep(time.Second)
		cl.FillDisk("a", false)
		time.Sleep(3 * patience)
		a.Want(t, 1)
		a.Add(t, 4)
		cl.Kill("a")
		cl.Restart("a")
		time.Sleep(time.Second)
		cl.Client("a").Want(t, 1, 4)
	})
}

// Cells go where the guest goes: to those who lag, to disk, and back.
func TestLogKeepsCells(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 3}}, func(t *testing.T, cl *Cluster) {
		d := cl.Client("d")
		for n := range 2 * keepEntries {
			d.Add(t, n)
		}
		time.Sleep(time.Second)
		if err := cl.Move("d"); err != nil {
			t.Fatal(err)
		}
		leader(t, cl)
		cl.Kill("b")
		cl.Restart("b")
		d.Add(t, 100)
		time.Sleep(time.Second)
		for _, r := range cl.members() {
			got, err := dms.Ask[counted](t.Context(), cl.Client("d").parts[0], r.Peer, counted{})
			if err != nil || got.N != 2*keepEntries+1 {
				t.Errorf("%s counted %d, %v", r.Peer, got.N, err)
			}
		}
	})
}

func TestLogFollowsTheGroup(t *testing.T) {
	inBubble(t, dms.Chain{logged{n: 3}}, func(t *testing.T, cl *Cluster) {
		d, g := cl.Client("d"), &group{cl.master().parts[0], cl.master()}
		d.Add(t, 1)
		lost := cl.replicas()[1]
		cl.Kill(lost.Node.ID)
		if _, err := g.Replicate(t.Context(), cl.node("d").Node); err != nil {
			t.Fatal(err)
		}
		if err := g.Remove(t.Context(), lost); err != nil {
			t.Fatal(err)
		}
		d.Add(t, 2)
		time.Sleep(time.Second)
		cl.Kill("a")
		leader(t, cl)
		d.Want(t, 1, 2)
	})
}

func TestLogSeesReadersThatWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt := &quietly{TB: t}
		cl, err := Deploy(tt, NewList, dms.Chain{logged{n: 1, written: true}}, Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cl.Client("a").List(); err != nil || tt.errors == 0 {
			t.Errorf("%v; %d errors", err, tt.errors)
		}
	})
}

// quietly counts errors.
type quietly struct {
	testing.TB
	errors int
}

func (q *quietly) Errorf(string, ...any) { q.errors++ }
