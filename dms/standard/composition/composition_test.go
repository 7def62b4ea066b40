package composition

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/standard"
)

var write = flag.Bool("write", false, "write docs/composition.md instead of comparing it")

const document = "../../../docs/composition.md"

// specs are the DMs as they are run here, where that is not with their defaults.
var specs = map[string]string{
	"AtLeastOnceRPC":         "AtLeastOnceRPC(timeout=4s)",
	"ConsistentCaching":      "ConsistentCaching(ttl=2s)",
	"DHT":                    "DHT(gather=list)",
	"DurableTransactions":    "DurableTransactions(ttl=2s)",
	"LeaseCaching":           "LeaseCaching(ttl=2s)",
	"LockingTransactions":    "LockingTransactions(ttl=2s)",
	"OptimisticTransactions": "OptimisticTransactions(ttl=2s)",
	"PeriodicCheckpoint":     "PeriodicCheckpoint(every=1)",
	"WriteThroughCaching":    "WriteThroughCaching(ttl=2s)",
}

// What a DM takes from a chain, or adds to it.
var (
	fixed    = []string{"Immutable"}                                                          // no call may write
	separate = []string{"LoadBalancedFrontEnd", "ScaleUpFrontEnd", "LoadBalancedMasterSlave"} // a read may be elsewhere than the write before it
	outlives = []string{                                                                      // a failure takes nothing that was answered
		"DurableSerializableRPC", "DurableTransactions", "PeriodicCheckpoint", "ConsensusRSM-Cluster", "ConsensusRSM-Geo", "ConsensusRSM-P2P", "MasterSlaveSync",
	}
	returns = append([]string{"ExplicitCheckpoint", "LoadBalancedFrontEnd", "ScaleUpFrontEnd", "LoadBalancedMasterSlave"}, outlives...) // it works again after one
)

// nodes have room for every DM: three in one cloud region, three regions, three devices.
var nodes = []dms.Node{
	dmtest.Node("a", dms.Cloud, "east"), dmtest.Node("b", dms.Cloud, "east"), dmtest.Node("c", dms.Cloud, "east"),
	dmtest.Node("d", dms.Cloud, "west"), dmtest.Node("e", dms.Cloud, "north"),
	dmtest.Node("p", dms.Device, "east"), dmtest.Node("q", dms.Device, "east"), dmtest.Node("r", dms.Device, "west"),
}

// TestEveryPair runs what is not refused, and compares the document.
func TestEveryPair(t *testing.T) {
	names := dms.Names()
	tb := &table{names: names, refused: map[[2]string]string{}}
	t.Run("pairs", func(t *testing.T) {
		for _, a := range names {
			t.Run(a, func(t *testing.T) {
				t.Parallel()
				for _, b := range names {
					if a != b {
						tb.set(a, b, try(t, a, b))
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	got := tb.markdown()
	if *write {
		if err := os.WriteFile(document, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(document); err != nil || string(want) != got {
		t.Errorf("docs/composition.md is stale (%v); run go generate ./dms/standard/composition", err)
	}
}

// try returns why the pair is refused, or runs it and returns "".
func try(t *testing.T, a, b string) (why string) {
	chain := chainOf(t, a, b)
	if err := dms.Check(chain); err != nil {
		return sentence(t, chain, err, abi.ErrRefused)
	}
	t.Run(b, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cl, err := dmtest.Deploy(t, dmtest.NewList, chain, nodes...)
			if err != nil {
				why = sentence(t, chain, err, abi.ErrPlacement)
				return
			}
			p := &pair{T: t, cl: cl, names: []string{a, b}}
			p.run()
		})
	})
	return why
}

func chainOf(t *testing.T, names ...string) (chain dms.Chain) {
	t.Helper()
	for _, name := range names {
		spec := name
		if s, ok := specs[name]; ok {
			spec = s
		}
		dm, err := dms.Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, dm)
	}
	return chain
}

// sentence returns the message of a refusal, which has a code and says something.
func sentence(t *testing.T, chain dms.Chain, err, code error) string {
	t.Helper()
	if !errors.Is(err, code) || len(strings.Fields(err.Error())) < 5 {
		t.Errorf("%s is refused with %v; want a sentence of code %v", chain, err, abi.CodeOf(code))
	}
	return err.Error()
}

// A pair is one chain under test: read your writes, move, and fail.
type pair struct {
	*testing.T
	cl    *dmtest.Cluster
	names []string
	n     int
	there map[int]bool // answered, and not lost
	tried map[int]bool
}

func (p *pair) any(names []string) bool {
	return slices.ContainsFunc(p.names, func(n string) bool { return slices.Contains(names, n) })
}

// caller is the node of the one caller: a device that keeps none of the replicas at first.
const caller = "q"

func (p *pair) run() {
	p.there, p.tried = map[int]bool{}, map[int]bool{}
	p.use("at first", true)
	p.within("a move", p.move)
	p.use("after a move", true)
	p.within("a failure", p.fail)
	if !p.any(outlives) || p.any(separate) {
		clear(p.there) // what was answered may be lost
	}
	p.use("after a failure", p.any(returns))
}

// use writes, each time reading it back. If it works, it does so within two minutes.
func (p *pair) use(when string, works bool) {
	p.Helper()
	for range 3 {
		p.n++
		p.tried[p.n] = true
		err := p.again(works, func(ctx context.Context) error {
			err := p.cl.Client(caller).Do(ctx, nil, "append", p.n)
			if p.any(fixed) && errors.Is(err, abi.ErrPermission) {
				return nil
			}
			return err
		})
		switch {
		case err == nil && !p.any(fixed):
			p.there[p.n] = true
		case err != nil && works:
			p.Errorf("%s, a write: %v", when, err)
		case err != nil && abi.CodeOf(err) == abi.Internal:
			p.Errorf("%s, a write of what is lost: %v", when, err)
		}
		p.read(when, works)
	}
}

// read sees what was answered, and nothing that no one wrote.
func (p *pair) read(when string, works bool) {
	p.Helper()
	var saw []int
	err := p.again(works, func(ctx context.Context) error {
		var answer abi.Raw
		err := p.cl.Client(caller).Do(ctx, &answer, "list")
		saw = numbers(answer)
		return err
	})
	if err != nil {
		if works {
			p.Errorf("%s, a read: %v", when, err)
		}
		return
	}
	for _, n := range saw {
		if !p.tried[n] {
			p.Errorf("%s, a read saw %d, which no one wrote", when, n)
		}
	}
	for n := range p.there {
		if !slices.Contains(saw, n) && !p.any(separate) {
			p.Errorf("%s, %d was answered, and a read saw %v", when, n, saw)
		}
	}
}

// again makes a call until it is answered, for two minutes if it must be.
func (p *pair) again(must bool, call func(ctx context.Context) error) (err error) {
	for start := time.Now(); ; time.Sleep(time.Second) {
		ctx, cancel := context.WithTimeout(p.Context(), 5*time.Second)
		asked := time.Now()
		err = call(ctx)
		cancel()
		if took := time.Since(asked); took > 6*time.Second {
			p.Errorf("a call took %v, after its deadline", took)
		}
		if err == nil || !must || time.Since(start) > 2*time.Minute {
			return err
		}
	}
}

// within fails the test if f hangs.
func (p *pair) within(what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		p.Fatalf("%s hangs", what)
	}
}

// move moves the primary to the first node that is allowed.
func (p *pair) move() {
	at := p.cl.Where()
	for _, n := range nodes {
		if slices.Contains(at, n.ID) {
			continue
		}
		switch err := p.cl.Move(n.ID); {
		case err == nil:
			return
		case !errors.Is(err, abi.ErrPlacement):
			p.Errorf("a move to %s: %v", n.ID, err)
			return
		}
	}
}

// fail makes the primary's node fail, for longer than its lease. Those who follow it
// have had time to tell that they do.
func (p *pair) fail() {
	time.Sleep(3 * time.Second)
	at := p.cl.Where()[0]
	p.cl.Kill(at)
	time.Sleep(2 * dmtest.NodeLease)
	p.cl.Restart(at)
}

// numbers returns the numbers in an answer, however deep.
func numbers(answer abi.Raw) (all []int) {
	var parts []abi.Raw
	if abi.Decode(answer, &parts) == nil {
		for _, part := range parts {
			all = append(all, numbers(part)...)
		}
		return all
	}
	var n int
	if abi.Decode(answer, &n) == nil {
		all = append(all, n)
	}
	return all
}

// A table is what came of each pair. It may be used by many goroutines at once.
type table struct {
	names []string

	mu      sync.Mutex
	refused map[[2]string]string // why
}

func (tb *table) set(a, b, why string) {
	if why == "" {
		return
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.refused[[2]string{a, b}] = why
}

const head = `# What goes with what

Every two deployment managers, in both orders. A chain is written [row, column]: the row's is nearer the application. Each that is not
refused is deployed in virtual time, written to and read, moved, and has its node fail; a caller reads what it wrote, and none hangs
(dms/standard/composition). Made by ` + "`go generate ./dms/standard/composition`" + `.

%d of %d pairs run; the others are refused with a sentence.

`

// markdown returns the document: a table, and the sentences.
func (tb *table) markdown() string {
	var b strings.Builder
	n := len(tb.names)
	fmt.Fprintf(&b, head, n*(n-1)-len(tb.refused), n*(n-1))
	b.WriteString("| |")
	for i := range tb.names {
		fmt.Fprintf(&b, " %d |", i+1)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", n) + "\n")
	for i, a := range tb.names {
		fmt.Fprintf(&b, "| %d %s |", i+1, a)
		for _, c := range tb.names {
			switch _, refused := tb.refused[[2]string{a, c}]; {
			case a == c:
				b.WriteString(" |")
			case refused:
				b.WriteString(" - |")
			default:
				b.WriteString(" yes |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Why not\n")
	for _, a := range tb.names {
		why := map[string][]string{}
		for _, c := range tb.names {
			if s, ok := tb.refused[[2]string{a, c}]; ok {
				s = strings.TrimPrefix(s, a+" and "+c+" cannot be in one chain: ")
				s = strings.TrimPrefix(s, c+" and "+a+" cannot be in one chain: ")
				why[s] = append(why[s], c)
			}
		}
		if len(why) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s, then\n\n", a)
		for _, c := range tb.names { // in the order of the first of each
			for s, those := range why {
				if those[0] == c {
					fmt.Fprintf(&b, "* %s: %s.\n", strings.Join(those, ", "), s)
				}
			}
		}
	}
	return b.String()
}
