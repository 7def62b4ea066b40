package transactions_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/transactions"
)

// A microservice that calls no other.
func TestSuite(t *testing.T) {
	dmtest.Suite(t, dmtest.Promises{Chain: []string{"TwoPhaseCommit(ttl=2s)"}, Recovers: true, Undoes: true})
}

var targets = []string{"m3", "m4"}

// inTown runs f in a town whose DMs are distorted, or not.
func inTown(t *testing.T, distort func(i int, dm dms.DM) dms.DM, f func(t *testing.T, tw *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, found(t, distort)) })
}

// want fails the test unless the microservices from m1 on hold these numbers, or none
// where they are nil.
func (tw *town) want(t *testing.T, lists ...[]int) {
	t.Helper()
	for i, l := range lists {
		tw.all[i].Client("d").Want(t, l...)
	}
}

func TestAllOrNothing(t *testing.T) {
	inTown(t, nil, func(t *testing.T, tw *town) {
		b := tw.all[0].Client("b")
		if err := b.Do(t.Context(), nil, "pay", 1, targets, false); err != nil {
			t.Error(err)
		}
		dmtest.WantError(t, b.Do(t.Context(), nil, "pay", 2, targets, true), abi.AppError(""), "no money")
		if err := b.Do(t.Context(), nil, "via", 3, "m2", targets); err != nil {
			t.Error(err)
		}
		tw.want(t, []int{1}, []int{3}, []int{1, 3}, []int{1, 3})
	})
}

func TestOutsideIsRefused(t *testing.T) {
	inTown(t, nil, func(t *testing.T, tw *town) {
		plain, err := tw.all[0].Beside(newBank, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = tw.all[0].Client("b").Do(t.Context(), nil, "pay", 1, []string{"m3", plain.ID()}, false)
		dmtest.WantError(t, err, abi.ErrRefused, "could not be rolled back with it")
		tw.want(t, nil, nil, nil)
		plain.Client("b").Want(t)
	})
}

// A step is a message or a write to disk of a part, just before or after which
// something happens, once.
type step struct {
	dms.Callee
	at    string // the kind of a message, or "save"
	after bool
	once  *sync.Once
	f     func()
	wait  time.Duration // then
}

func (s step) around(kind string, do func()) {
	hit := strings.HasSuffix(kind, s.at)
	if hit && !s.after {
		s.once.Do(s.f)
		time.Sleep(s.wait)
	}
	do()
	if hit && s.after {
		s.once.Do(s.f)
	}
}

func (s step) Send(ctx context.Context, to dms.Peer, kind string, body []byte) (out []byte, err error) {
	s.around(kind, func() { out, err = s.Callee.Send(ctx, to, kind, body) })
	return out, err
}

func (s step) Save(ctx context.Context, x dms.Snapshot) (err error) {
	s.around("save", func() { err = s.Callee.Save(ctx, x) })
	return err
}

// crash runs a payment in which the node of one microservice fails at a step of its
// part, and comes back after a while. It returns the payment's error.
func crash(t *testing.T, who int, at string, after bool, down time.Duration, then func(t *testing.T, tw *town, err error)) {
	t.Helper()
	var tw *town
	node := dmtest.Nodes()[who].ID
	s := step{at: at, after: after, once: new(sync.Once), f: func() { tw.all[who].Kill(node) }}
	distort := func(i int, dm dms.DM) dms.DM {
		if i != who {
			return dm
		}
		return dmtest.Mutant{DM: dm, Callee: func(c dms.Callee) dms.Callee {
			s.Callee = c
			return s
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		tw = found(t, distort)
		err := tw.all[0].Client("b").Do(t.Context(), nil, "pay", 1, targets, false)
		time.Sleep(down)
		tw.all[0].Restart(node)
		then(t, tw, err)
	})
}

// The coordinator fails before it has decided: those who voted yes wait for it, and
// learn that it rolled back.
func TestCoordinatorFailsBeforeItsDecision(t *testing.T) {
	crash(t, 0, "save", false, time.Minute, func(t *testing.T, tw *town, err error) {
		dmtest.WantError(t, err, abi.ErrUnavailable)
		tw.want(t, nil, nil, nil, nil)
	})
}

// The coordinator fails when its decision is on disk, and no one has heard of it.
func TestCoordinatorFailsAfterItsDecision(t *testing.T) {
	crash(t, 0, "save", true, time.Minute, func(t *testing.T, tw *town, err error) {
		dmtest.WantError(t, err, abi.ErrUnavailable)
		tw.want(t, []int{1}, nil, []int{1}, []int{1})
	})
}

// A participant fails after it has voted yes: it asks, and finishes.
func TestParticipantFailsAfterItsVote(t *testing.T) {
	crash(t, 3, "save", true, time.Minute, func(t *testing.T, tw *town, err error) {
		dmtest.WantError(t, err, abi.ErrConflict, "could not prepare", "rolled back") // the vote was not heard
		tw.want(t, nil, nil, nil, nil)
	})
	crash(t, 0, ".finish", false, time.Minute, func(t *testing.T, tw *town, _ error) {
		tw.want(t, []int{1}, nil, []int{1}, []int{1})
	})
}

// forgets has a participant fail between its call and its vote, and come back at once
// or later. It returns where the payment is then.
func forgets(t *testing.T, at func(c dms.Callee) dms.Callee, vote func(c dms.Callee) dms.Callee, down time.Duration) (places []int, err error) {
	var tw *town
	s := step{at: ".prepare", once: new(sync.Once), wait: time.Second, f: func() {
		tw.all[2].Kill("c")
		if down == 0 {
			go tw.all[2].Restart("c")
		}
	}}
	distort := func(i int, dm dms.DM) dms.DM {
		return dmtest.Mutant{DM: dm, Callee: func(c dms.Callee) dms.Callee {
			switch {
			case i == 0:
				s.Callee = at(c)
				return s
			case i >= banks:
				return vote(c)
			}
			return c
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		tw = found(t, distort)
		err = tw.all[0].Client("b").Do(t.Context(), nil, "pay", 1, targets, false)
		if down > 0 {
			time.Sleep(down)
			tw.all[2].Restart("c")
		}
		time.Sleep(time.Minute)
		for i, l := range tw.lists("d") {
			if len(l) > 0 {
				places = append(places, i+1)
			}
		}
	})
	return places, err
}

func TestParticipantFailsBeforeItsVote(t *testing.T) {
	as := func(c dms.Callee) dms.Callee { return c }
	for _, down := range []time.Duration{0, time.Minute} {
		places, err := forgets(t, as, as, down)
		dmtest.WantError(t, err, abi.ErrConflict, "rolled back")
		if len(places) > 0 {
			t.Errorf("it is at %v", places)
		}
	}
	if places, _ := forgets(t, as, func(c dms.Callee) dms.Callee { return yesman{c} }, 0); len(places) != 2 {
		t.Errorf("if it voted for what it has forgotten, the payment should be in part, not at %v", places)
	}
	if places, _ := forgets(t, func(c dms.Callee) dms.Callee { return hasty{c} }, as, time.Minute); len(places) != 2 {
		t.Errorf("if no vote was needed, the payment should be in part, not at %v", places)
	}
}

// A participant that has not voted, and whose coordinator is gone, rolls back when its
// time is up; one in doubt waits, and all else goes on.
func TestCoordinatorIsGone(t *testing.T) {
	crash(t, 0, ".prepare", false, 0, func(*testing.T, *town, error) {})
	inTown(t, nil, func(t *testing.T, tw *town) {
		go func() { _ = tw.all[0].Client("b").Do(t.Context(), nil, "pay", 1, targets, false) }() // it is cut off
		time.Sleep(12 * time.Millisecond)                                                        // m3 has appended
		tw.all[0].Kill("a")
		start := time.Now()
		tw.all[2].Client("d").Want(t)
		if d := time.Since(start); d < time.Second || d > 6*time.Second {
			t.Errorf("the participant rolled back after %v; its ttl is 3s", d)
		}
		tw.all[1].Client("d").Add(t, 7)
	})
}

// Two that take the same two in opposite order both finish.
func TestOppositeOrder(t *testing.T) {
	inTown(t, nil, func(t *testing.T, tw *town) {
		var both sync.WaitGroup
		for round := range 20 {
			for i, order := range [][]string{{"m3", "m4"}, {"m4", "m3"}} {
				both.Go(func() {
					if err := tw.all[i].Client("d").Do(t.Context(), nil, "pay", 10*round+i+1, order, false); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
		}
	})
}

// A move of any of them waits for the transaction, and the transaction goes on.
func TestMovesInATransaction(t *testing.T) {
	for i := range 4 {
		inTown(t, nil, func(t *testing.T, tw *town) {
			done := make(chan error, 1)
			go func() { done <- tw.all[0].Client("d").Do(t.Context(), nil, "via", 1, "m2", targets) }()
			time.Sleep(8 * time.Millisecond)
			if err := tw.all[i].Move("d"); i < 3 && err != nil {
				t.Errorf("move m%d: %v", i+1, err)
			}
			if err := <-done; err != nil {
				t.Errorf("while m%d moved: %v", i+1, err)
			}
			tw.want(t, nil, []int{1}, []int{1}, []int{1})
		})
	}
}

func TestMutants(t *testing.T) {
	banksAre := func(change func(dms.Callee) dms.Callee) func(int, dms.DM) dms.DM {
		return func(i int, dm dms.DM) dms.DM {
			if i < banks {
				return dmtest.Mutant{DM: dm, Callee: change}
			}
			return dm
		}
	}
	walletsAre := func(change func(dms.Callee) dms.Callee) func(int, dms.DM) dms.DM {
		return func(i int, dm dms.DM) dms.DM {
			if i >= banks {
				return dmtest.Mutant{DM: dm, Callee: change}
			}
			return dm
		}
	}
	for name, distort := range map[string]func(int, dms.DM) dms.DM{
		"the decision is not on disk":       banksAre(func(c dms.Callee) dms.Callee { return unsaved{c} }),
		"a vote is not on disk":             walletsAre(func(c dms.Callee) dms.Callee { return unsaved{c} }),
		"what failed is not undone":         walletsAre(func(c dms.Callee) dms.Callee { return stuck{c} }),
		"in doubt, it rolls back by itself": walletsAre(func(c dms.Callee) dms.Callee { return told{c, verdict{}} }),
		"in doubt, it commits by itself":    walletsAre(func(c dms.Callee) dms.Callee { return told{c, verdict{Committed: true}} }),
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range dmtest.Scenarios() {
				for _, victim := range []int{0, 3} {
					if bad := through(t, s, victim, distort); len(bad) > 0 && s.Name != "switches" {
						t.Logf("%s: %s", s.Name, bad[0])
						return
					}
				}
			}
			t.Error("no scenario shows it")
		})
	}
}

// unsaved has nothing on disk.
type unsaved struct{ dms.Callee }

func (unsaved) Save(context.Context, dms.Snapshot) error { return nil }

// stuck does not go back.
type stuck struct{ dms.Callee }

func (stuck) Restore(context.Context, dms.Snapshot) error { return nil }

// told knows the outcome without asking.
type told struct {
	dms.Callee
	what verdict
}

type verdict struct{ Open, Committed bool }

func (x told) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	if strings.HasSuffix(kind, ".outcome") {
		return abi.Encode(x.what)
	}
	return x.Callee.Send(ctx, to, kind, body)
}

// yesman votes yes, whatever it is asked.
type yesman struct{ dms.Callee }

func (x yesman) Receive(kind string, f func(context.Context, dms.Peer, []byte) ([]byte, error)) {
	x.Callee.Receive(kind, func(ctx context.Context, from dms.Peer, body []byte) ([]byte, error) {
		out, err := f(ctx, from, body)
		if strings.HasSuffix(kind, ".prepare") {
			return abi.Encode(map[string]bool{"Yes": true})
		}
		return out, err
	})
}

// hasty counts those that do not answer as a yes.
type hasty struct{ dms.Callee }

func (x hasty) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	out, err := x.Callee.Send(ctx, to, kind, body)
	if strings.HasSuffix(kind, ".prepare") && err != nil {
		return abi.Encode(map[string]bool{"Yes": true})
	}
	return out, err
}
