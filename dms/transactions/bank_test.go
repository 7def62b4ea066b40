package transactions_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
)

// A bank is a List that makes others append too.
//
//	pay(n, targets, fails)   appends n here and at all targets, in their order; then fails, or not
//	via(n, teller, targets)  has a teller, another bank, pay
//	look(targets)            answers the lists of all targets
type bank struct{ dmtest.List }

func newBank() dmtest.Guest { return new(bank) }

func (b *bank) ReadOnly(method string) bool { return method == "look" || b.List.ReadOnly(method) }

func (b *bank) InvokeCalling(call dms.Call, out func(target, method string, args ...any) ([]byte, error)) ([]byte, error) {
	var args []abi.Raw
	if err := abi.Decode(call.Args, &args); err != nil {
		return nil, err
	}
	var n int
	var teller string
	var targets []string
	var fails bool
	switch call.Method {
	case "pay":
		if err := dms.VerbArgs(call, &n, &targets, &fails); err != nil {
			return nil, err
		}
		own, err := abi.Args(n)
		if err != nil {
			return nil, err
		}
		if _, err := b.Invoke(dms.Call{Method: "append", Args: own}); err != nil {
			return nil, err
		}
		for _, t := range targets {
			if _, err := out(t, "append", n, 5); err != nil {
				return nil, err
			}
		}
		if fails {
			return nil, abi.AppError("no money")
		}
		return nil, nil
	case "via":
		if err := dms.VerbArgs(call, &n, &teller, &targets); err != nil {
			return nil, err
		}
		return out(teller, "pay", n, targets, false)
	case "look":
		if err := dms.VerbArgs(call, &targets); err != nil {
			return nil, err
		}
		lists := make([]abi.Raw, len(targets))
		for i, t := range targets {
			var err error
			if lists[i], err = out(t, "list"); err != nil {
				return nil, err
			}
		}
		return abi.Encode(lists)
	}
	return b.Invoke(call)
}

// A town is two banks and two wallets that they share: m1 to m4.
type town struct {
	all [4]*dmtest.Cluster

	mu  sync.Mutex
	n   int
	ops []payment
	bad []string
}

type payment struct {
	n          int
	at         []int // microservices it is to be at
	err        error
	start, end time.Time
}

const banks, wallets = 2, 2

// found deploys a town; distort breaks the DM, or not.
func found(t *testing.T, distort func(i int, dm dms.DM) dms.DM) *town {
	tw := &town{}
	for i := range tw.all {
		chain := dmtest.Parse(t, "TwoPhaseCommit(ttl=3s)")
		if distort != nil {
			chain[0] = distort(i, chain[0])
		}
		var err error
		if i == 0 {
			tw.all[0], err = dmtest.Deploy(t, newBank, chain, dmtest.Nodes()...)
		} else {
			tw.all[i], err = tw.all[0].Beside(newBank, chain, dmtest.Nodes()[i].ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range dmtest.Nodes() {
		for _, b := range dmtest.Nodes()[:i] {
			tw.all[0].Delay(a.ID, b.ID, time.Millisecond)
		}
	}
	return tw
}

func (tw *town) fail(format string, args ...any) {
	tw.mu.Lock()
	defer tw.mu.Unlock()
	tw.bad = append(tw.bad, fmt.Sprintf(format, args...))
}

// load has callers pay and look, from a node, until ctx ends.
func (tw *town) load(ctx context.Context, node string, turn int) {
	for ; ctx.Err() == nil; turn++ {
		tw.one(ctx, node, turn)
		time.Sleep(300 * time.Millisecond)
	}
}

func (tw *town) one(ctx context.Context, node string, turn int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	bank := turn % banks
	targets := []string{"m3", "m4"}
	if bank == 1 { // the two banks take them in opposite order
		slices.Reverse(targets)
	}
	c := tw.all[bank].Client(node)
	if turn%5 == 0 {
		var lists [][]int
		if err := c.Do(ctx, &lists, "look", targets); err == nil && !slices.Equal(slices.Sorted(slices.Values(lists[0])), slices.Sorted(slices.Values(lists[1]))) {
			tw.fail("a transaction saw %v at %s and %v at %s", lists[0], targets[0], lists[1], targets[1])
		}
		return
	}
	tw.mu.Lock()
	tw.n++
	p := payment{n: tw.n, at: []int{bank, 2, 3}, start: time.Now()}
	tw.mu.Unlock()
	switch turn % 7 {
	case 0:
		p.err = c.Do(ctx, nil, "pay", p.n, targets, true)
	case 1:
		p.at[0] = 1 - bank
		p.err = c.Do(ctx, nil, "via", p.n, fmt.Sprint("m", 2-bank), targets)
	default:
		p.err = c.Do(ctx, nil, "pay", p.n, targets, false)
	}
	p.end = time.Now()
	tw.mu.Lock()
	defer tw.mu.Unlock()
	tw.ops = append(tw.ops, p)
}

// lists waits until all answer, and returns what they hold.
func (tw *town) lists(node string) (lists [4][]int) {
	for i, cl := range tw.all {
		var err error
		for range 60 {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			err = cl.Client(node).Do(ctx, &lists[i], "list")
			if cancel(); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
		if err != nil {
			tw.fail("m%d does not answer: %v", i+1, err)
		}
	}
	return lists
}

// check returns what is wrong: each payment is at all it was to be at, once, or at
// none; answered ones are there and failed ones are not; and where two meet, they are in
// one order, which is also that of time.
func (tw *town) check(lists [4][]int) []string {
	bad := tw.bad
	place := func(l []int, n int) int { return slices.Index(l, n) }
	sure := 0
	for _, p := range tw.ops {
		count := 0
		for i, l := range lists {
			times := 0
			for _, n := range l {
				if n == p.n {
					times++
				}
			}
			if times > 1 || times == 1 && !slices.Contains(p.at, i) {
				bad = append(bad, fmt.Sprintf("payment %d is %d times at m%d", p.n, times, i+1))
			}
			count += times
		}
		fate := abi.CodeOf(p.err).Fate()
		switch {
		case count != 0 && count != len(p.at):
			bad = append(bad, fmt.Sprintf("payment %d is at %d of %d: %v", p.n, count, len(p.at), p.err))
		case p.err == nil && count == 0:
			bad = append(bad, fmt.Sprintf("payment %d was answered and is nowhere", p.n))
		case p.err != nil && fate != abi.Perhaps && count > 0:
			bad = append(bad, fmt.Sprintf("payment %d failed and was made: %v", p.n, p.err))
		}
		if p.err == nil {
			sure++
		}
	}
	for _, p := range tw.ops {
		for _, q := range tw.ops {
			if place(lists[2], p.n) < 0 || place(lists[2], q.n) < 0 {
				continue
			}
			first := place(lists[2], p.n) < place(lists[2], q.n)
			if first != (place(lists[3], p.n) < place(lists[3], q.n)) {
				bad = append(bad, fmt.Sprintf("payments %d and %d are in another order at m3 than at m4", p.n, q.n))
			}
			if !first && p.n != q.n && p.err == nil && p.end.Before(q.start) {
				bad = append(bad, fmt.Sprintf("payment %d was answered before %d began, and comes after it", p.n, q.n))
			}
		}
	}
	if sure < 5 {
		bad = append(bad, fmt.Sprintf("only %d payments of %d were answered", sure, len(tw.ops)))
	}
	return bad[:min(len(bad), 5)]
}

// through runs a town through a scenario that happens to one of its microservices.
func through(t *testing.T, s dmtest.Scenario, victim int, distort func(i int, dm dms.DM) dms.DM) (bad []string) {
	synctest.Test(t, func(t *testing.T) {
		tw := found(t, distort)
		ctx, stop := context.WithTimeout(t.Context(), 40*time.Second)
		defer stop()
		var callers sync.WaitGroup
		for i, n := range dmtest.Nodes() {
			callers.Go(func() { tw.load(ctx, n.ID, 3*i) })
		}
		r := &dmtest.Run{Cluster: tw.all[victim], History: new(dmtest.History)}
		s.Happens(r)
		callers.Wait()
		r.Heal()
		time.Sleep(time.Minute)
		node := "a"
		if s.Down { // it may be the one that is lost
			node = tw.all[victim].Where()[0]
		}
		bad = tw.check(tw.lists(node))
	})
	return bad
}

func TestTown(t *testing.T) {
	for _, s := range dmtest.Scenarios() {
		if s.Name == "switches" { // to chains without TwoPhaseCommit
			continue
		}
		for victim, name := range map[int]string{0: "coordinator", 3: "participant"} {
			t.Run(s.Name+"/"+name, func(t *testing.T) {
				for _, bad := range through(t, s, victim, nil) {
					t.Error(bad)
				}
			})
		}
	}
}
