package dmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// Consistency is what a chain promises its readers.
type Consistency int

// The consistencies.
const (
	// Linearizable: a read sees every write that was answered before it began, and
	// all that any read saw that was answered before it began.
	Linearizable Consistency = iota

	// Separate: each replica has its own writes.
	Separate

	// Eventual: a read sees the first of the writes, in the order of the primary.
	Eventual

	// Session: the callers of a node see their own writes, and all that they have
	// seen before.
	Session
)

// Promises are what a chain promises, for Suite to hold it to. The zero value is
// the strictest: linearizable, each call at most once, and nothing answered lost
// while its node lives.
type Promises struct {
	Chain []string    // in the text form
	Nodes []dms.Node  // to deploy on; nil means Nodes()
	DMs   dms.Chain   // instead of Chain, for DMs that are not registered
	Reads Consistency //
	Twice bool        // a call may run more than once
	Fixed bool        // a call that may write is refused
	Stays bool        // every move is refused

	// Recovers says that the microservice goes on after its node has failed: with
	// its node, or elsewhere where the store is shared or there are more replicas.
	Recovers bool

	// Undoes says that a call that fails takes the ones before it along.
	Undoes bool

	// Same says that the replicas end in the same state; Helpers, that only what the
	// primary holds counts, as no calls reach the others.
	Same, Helpers bool

	// Divided says that each replica has a part of the state, and what fails is lost.
	Divided bool

	// Sheds says that a replica may be taken away with the writes it holds.
	Sheds bool

	// Traceless says that a call that fails leaves the state as it was.
	Traceless bool

	// WithNode says that after a failure the microservice comes back only with its
	// node.
	WithNode bool

	// Loses is how many answered writes one failure may take, if it recovers;
	// less than zero is any number. It may show for Lag after the failure.
	Loses int
	Lag   time.Duration

	// Only says which nodes a replica may be on; nil is all.
	Only func(n dms.Node) bool

	// Verb is called now and then, by every caller.
	Verb dms.Verb

	// Load is what each caller does, again and again, in place of a call; see
	// Transactions.
	Load func(r *Run, node string)
}

// Nodes returns four cloud nodes of one region: a, b, c and d.
func Nodes() []dms.Node {
	return []dms.Node{Node("a", dms.Cloud, "east"), Node("b", dms.Cloud, "east"), Node("c", dms.Cloud, "east"), Node("d", dms.Cloud, "east")}
}

// The load of a scenario: each of the callers makes a call, rests and makes another.
const (
	load    = 40 * time.Second // for how long
	rest    = 300 * time.Millisecond
	timeout = 5 * time.Second  // of a call
	late    = 20 * time.Second // how late a message may be
	settle  = 2 * time.Minute  // until everything works again when all is healed
	settled = 5 * time.Second  // until replicas that are to be the same are
)

// Suite runs the chain through every scenario and reports what breaks its promises.
func Suite(t *testing.T, p Promises) {
	t.Helper()
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			for i := range seeds {
				if i > 0 && testing.Short() {
					break
				}
				seed := firstSeed(t) + i
				for _, bad := range p.Try(t, s, seed) {
					t.Errorf("seed %d: %s", seed, bad)
				}
			}
		})
	}
}

// A Run is a scenario under way.
type Run struct {
	*Cluster
	*History
	Promises

	mu     sync.Mutex
	broken []string
}

// Fail notes something that breaks a promise.
func (r *Run) Fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

// seeds is how often each scenario happens, each time with other chances.
const seeds = 2

// firstSeed returns the seed to begin with: what AMINO_SEED says, so that `make soak`
// tries others each time, or 0.
func firstSeed(t *testing.T) int {
	text := os.Getenv("AMINO_SEED")
	if text == "" {
		return 0
	}
	seed, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("AMINO_SEED=%s is no number", text)
	}
	return seed
}

// Try runs the chain through one scenario, in a synctest bubble of its own, and
// returns what breaks its promises.
func (p Promises) Try(t *testing.T, s Scenario, seed int) (broken []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if p.DMs == nil {
			p.DMs = Parse(t, p.Chain...)
		}
		if p.Nodes == nil {
			p.Nodes = Nodes()
		}
		if s.Many && !p.DMs.Has(dms.Membership) {
			return
		}
		cl, err := Deploy(t, NewList, p.DMs, p.Nodes...)
		if err != nil {
			t.Fatal(err)
		}
		cl.Seed(uint64(seed))
		for i, a := range p.Nodes {
			for _, b := range p.Nodes[:i] {
				cl.Delay(a.ID, b.ID, time.Millisecond)
			}
		}
		r := &Run{Cluster: cl, History: new(History), Promises: p}
		r.run(s)
		time.Sleep(settled)
		lists := r.Lists()
		if r.Same && r.nested() {
			lists, r.Same = r.sameInShards(), false
		}
		if first := r.members()[0]; p.Helpers && first.life.Err() != nil {
			lists = nil // the state is lost with the primary
		}
		broken = append(r.broken, r.Violations(r.Promises, lists)...)
	})
	return broken
}

// run loads the microservice from every node while the scenario happens.
func (r *Run) run(s Scenario) {
	ctx, stop := context.WithTimeout(r.ctx, load)
	defer stop()
	var callers sync.WaitGroup
	for i, n := range r.nodes {
		callers.Go(func() {
			time.Sleep(time.Duration(i) * rest / 7)
			for ctx.Err() == nil {
				if r.Load != nil {
					r.Load(r, n.ID)
				} else {
					r.one(n.ID)
				}
				time.Sleep(rest/2 + time.Duration(r.pick(int(rest))))
			}
		})
	}
	s.Happens(r)
	callers.Wait()
	for _, op := range r.Ops() {
		if s.NoOMS && dms.Verb(op.Method) == r.Promises.Verb {
			continue
		}
		if s.Calm && op.fate() == abi.Perhaps && op.End.Sub(op.Start) < timeout*3/4 { // it did not run out of time
			r.Fail("nothing failed, and a call may have run or not: %v", op)
		}
	}
	r.Heal()
	time.Sleep(late + timeout)
	r.after(s)
}

// one makes one call of some method.
func (r *Run) one(id string) {
	ctx, cancel := context.WithTimeout(r.ctx, timeout)
	defer cancel()
	r.watch()
	c, method := r.Client(id), "append"
	switch r.pick(12) {
	case 0:
		method = "fail"
	case 1:
		method = "trap"
	case 2, 3, 4, 5, 6:
		method = "list"
	case 7:
		if r.Promises.Verb != "" {
			r.verb(ctx, c, r.Promises.Verb)
			return
		}
	}
	if method == "list" {
		r.Do(ctx, c, method)
		return
	}
	start := time.Now()
	op := r.Do(ctx, c, method, r.Next(), r.pick(50))
	if r.Undoes && op.Err != nil && op.fate() != abi.NotRun {
		end := time.Now()
		if op.fate() == abi.Perhaps {
			end = end.Add(late) // it may be on its way yet
		}
		r.Lose(start, end)
	}
	if _, up := r.life(id); r.Fixed && up && op.fate() != abi.NotRun {
		r.Fail("a call that may write was not refused: %v", op)
	}
	if took := time.Since(start); took > timeout+time.Second {
		r.Fail("took %v, after its deadline: %v", took, op)
	}
}

// watch checks where the replicas are.
func (r *Run) watch() {
	for _, x := range r.now().members() {
		if r.Only != nil && !r.Only(x.Node) {
			r.Fail("replica %s is on %s, which is not allowed", x.Peer, x.Node.ID)
		}
	}
}

// after checks that the microservice answers again, everywhere, now that all is
// healed; or that it says it is lost.
func (r *Run) after(s Scenario) {
	lost := s.Fails && !r.Recovers || s.Down && (!r.Recovers || r.Stays || r.WithNode)
	lost = lost || r.Divided && slices.ContainsFunc(r.members(), func(x *replica) bool { return x.life.Err() != nil })
	for _, n := range r.nodes {
		if _, up := r.life(n.ID); !up {
			continue
		}
		var op Op
		for start := time.Now(); ; time.Sleep(time.Second) {
			ctx, cancel := context.WithTimeout(r.ctx, timeout)
			op = r.Do(ctx, r.Client(n.ID), "list")
			cancel()
			if op.Err == nil || lost || time.Since(start) > settle {
				break
			}
		}
		switch {
		case lost && op.Err != nil && !errors.Is(op.Err, abi.ErrUnavailable):
			r.Fail("the replica is lost and the error is not unavailable: %v", op)
		case !lost && op.Err != nil:
			r.Fail("does not work %v after all was healed: %v", settle, op)
		}
	}
}

func (r *Run) pick(n int) int {
	r.Cluster.mu.Lock()
	defer r.Cluster.mu.Unlock()
	return r.rand.IntN(n)
}
