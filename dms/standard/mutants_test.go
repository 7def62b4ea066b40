package standard_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
)

// mutants are DMs broken on purpose, each in one way.
var mutants = []struct {
	fault    string
	spec     string // the DM
	broken   dmtest.Mutant
	promises dmtest.Promises
}{
	{"a lease is twice as long at the holder", "LeaseCaching(ttl=2s)", dmtest.Mutant{Caller: twiceAsLong}, dmtest.Promises{}},

	{"fsync is skipped", "DurableSerializableRPC", dmtest.Mutant{Callee: hurried}, durable},
	{"nothing is written", "DurableSerializableRPC", dmtest.Mutant{Callee: unwritten}, durable},
	{"what failed stays", "DurableSerializableRPC", dmtest.Mutant{Callee: lenient}, durable},
	{"reads pass the log", "DurableSerializableRPC", dmtest.Mutant{Callee: peeking}, durable},
	{"sent again, it runs again", "DurableSerializableRPC", dmtest.Mutant{Callee: forgetful}, durable},

	{"fsync is skipped", "ConsensusRSM-Cluster", dmtest.Mutant{Callee: hurried}, replicated},
	{"a write is dropped", "ConsensusRSM-Cluster", dmtest.Mutant{Callee: dropping}, replicated},
	{"reads pass the log", "ConsensusRSM-Cluster", dmtest.Mutant{Callee: peeking}, replicated},
	{"sent again, it runs again", "ConsensusRSM-Cluster", dmtest.Mutant{Callee: forgetful}, replicated},
	{"a lost majority is taken away", "ConsensusRSM-Cluster", dmtest.Mutant{Group: removing}, replicated},

	{"copies are not stopped", "ConsistentCaching(ttl=2s)", dmtest.Mutant{Callee: unstopped}, dmtest.Promises{Twice: true}},
	{"the copy is never fresh", "WriteThroughCaching(ttl=2s)", dmtest.Mutant{Caller: fetchedOnce}, dmtest.Promises{Twice: true, Reads: dmtest.Session}},
	{"the last push wins", "ExplicitCaching", dmtest.Mutant{Callee: unversioned}, dmtest.Promises{Twice: true, Load: dmtest.Transactions("pull", "push", "")}},
	{"a transaction begins with an old state", "LockingTransactions(ttl=2s)", dmtest.Mutant{Callee: behind}, transacting},
	{"a commit is lost", "LockingTransactions(ttl=2s)", dmtest.Mutant{Callee: irreversible}, transacting},
	{"conflicts are not seen", "OptimisticTransactions(ttl=2s)", dmtest.Mutant{Callee: unversioned}, transacting},
	{"nothing is saved", "DurableTransactions(ttl=2s)", dmtest.Mutant{Callee: unsaved}, committing},
	{"what failed stays", "DurableTransactions(ttl=2s)", dmtest.Mutant{Callee: irreversible}, committing},
	{"nothing is saved", "TwoPhaseCommit(ttl=2s)", dmtest.Mutant{Callee: unsaved}, dmtest.Promises{Twice: true, Recovers: true, Undoes: true}},
	{"what failed stays", "TwoPhaseCommit(ttl=2s)", dmtest.Mutant{Callee: irreversible}, dmtest.Promises{Twice: true, Recovers: true, Undoes: true}},

	{"it may be anywhere", "KeepOnDevice", dmtest.Mutant{Group: lax}, dmtest.Promises{Nodes: mixed, Only: onDevice, Twice: true}},
	{"it moves by copying", "ExplicitCodeOffloading", dmtest.Mutant{Group: copying}, dmtest.Promises{Nodes: mixed, Verb: "offload", Twice: true}},
	{"what the helper wrote is dropped", "CodeOffloading", dmtest.Mutant{Callee: helpless}, dmtest.Promises{Nodes: mixed, Helpers: true, Twice: true}},
	{"the helper's state is taken for new", "CodeOffloading", dmtest.Mutant{Callee: unversioned}, dmtest.Promises{Nodes: mixed, Helpers: true, Twice: true}},
	{"a slave drops a write", "LoadBalancedMasterSlave", dmtest.Mutant{Callee: unreplayed}, dmtest.Promises{Reads: dmtest.Eventual, Same: true, Recovers: true, Loses: 3, Lag: time.Second}},
	{"a slave drops a write", "MasterSlaveSync", dmtest.Mutant{Callee: unreplayed}, replicated},
	{"the master does not wait", "MasterSlaveSync", dmtest.Mutant{Callee: lonely}, replicated},

	{"a key follows the order of the replicas", "DHT(gather=list)", dmtest.Mutant{Caller: renumbering}, dmtest.Promises{Divided: true, Twice: true, Loses: -1}},
}

var (
	durable    = dmtest.Promises{Recovers: true, WithNode: true, Traceless: true}
	replicated = dmtest.Promises{Recovers: true, Same: true}
)

// TestMutants sees that the suite sees each fault. Every call is sent again where no
// answer came, as AtLeastOnceRPC does.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.spec+"/"+m.fault, func(t *testing.T) {
			t.Parallel()
			chain := dmtest.Parse(t, "AtLeastOnceRPC(timeout=4s)", m.spec)
			m.broken.DM = chain[1]
			m.promises.DMs = dms.Chain{chain[0], m.broken}
			dmtest.Caught(t, m.promises)
		})
	}
}

// twiceAsLong doubles what the instance of LeaseCaching grants.
func twiceAsLong(c dms.Caller) dms.Caller { return leaser{c} }

type leaser struct{ dms.Caller }

func (c leaser) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	out, err := c.Caller.Send(ctx, to, kind, body)
	if kind != "caching.acquire" || err != nil {
		return out, err
	}
	var g struct {
		Lease dms.Grant
		Same  bool
		State dms.Snapshot
	}
	if err := abi.Decode(out, &g); err != nil {
		return nil, err
	}
	g.Lease.For *= 2
	return abi.Encode(g)
}

// renumbering names the replicas by where they are, which changes.
func renumbering(c dms.Caller) dms.Caller { return renumberer{c} }

type renumberer struct{ dms.Caller }

func (c renumberer) Replicas() (all []dms.Replica) {
	for _, r := range c.Caller.Replicas() {
		r.Peer = dms.Peer(fmt.Sprintf("x/%d", r.Node.ID[0]))
		all = append(all, r)
	}
	return all
}

func (c renumberer) Invoke(ctx context.Context, r dms.Replica, call dms.Call) ([]byte, error) {
	for _, x := range c.Caller.Replicas() {
		if x.Node.ID == r.Node.ID {
			r = x
		}
	}
	return c.Caller.Invoke(ctx, r, call)
}

// removing takes every lost replica away at once.
func removing(g dms.Group) dms.Group { return remover{g} }

type remover struct{ dms.Group }

func (g remover) OnFailure(f func(context.Context, dms.Replica) error) {
	g.Group.OnFailure(func(ctx context.Context, lost dms.Replica) error {
		if err := g.Remove(ctx, lost); err != nil {
			return err
		}
		return f(ctx, lost)
	})
}

// A proposer is a log that proposes otherwise.
type proposer struct {
	dms.Log
	propose dms.Handler
}

func (p proposer) Propose(ctx context.Context, call dms.Call) ([]byte, error) {
	return p.propose(ctx, call)
}

// A logger opens its log otherwise.
type logger struct {
	dms.Callee
	log func(c dms.Callee, apply dms.Handler) dms.Log
}

func (l logger) Log(apply dms.Handler) dms.Log { return l.log(l.Callee, apply) }

type outcome struct {
	out []byte
	err error
}

// hurried answers when a call has run, before it is on any disk.
func hurried(c dms.Callee) dms.Callee {
	type mine struct{}
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		l := c.Log(func(ctx context.Context, call dms.Call) ([]byte, error) {
			out, err := apply(ctx, call)
			if ran, ok := ctx.Value(mine{}).(chan outcome); ok {
				ran <- outcome{out, err}
			}
			return out, err
		})
		return proposer{l, func(ctx context.Context, call dms.Call) ([]byte, error) {
			first := make(chan outcome, 2)
			go func() {
				out, err := l.Propose(context.WithValue(ctx, mine{}, first), call)
				first <- outcome{out, err}
			}()
			o := <-first
			return o.out, o.err
		}}
	}}
}

// unwritten carries calls out without the log.
func unwritten(c dms.Callee) dms.Callee {
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		return proposer{c.Log(apply), dms.Serial(apply)}
	}}
}

// lenient keeps what failed.
func lenient(c dms.Callee) dms.Callee {
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		return c.Log(func(ctx context.Context, call dms.Call) ([]byte, error) {
			out, err := apply(ctx, call)
			if err != nil {
				e := *abi.AsError(err)
				e.State = abi.StateUnknown
				return out, &e
			}
			return out, err
		})
	}}
}

// peeking carries readonly calls out at once, wherever they come.
func peeking(c dms.Callee) dms.Callee {
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		l := c.Log(apply)
		return proposer{l, func(ctx context.Context, call dms.Call) ([]byte, error) {
			if call.ReadOnly {
				return apply(ctx, call)
			}
			return l.Propose(ctx, call)
		}}
	}}
}

// forgetful takes a call that is sent again for another.
func forgetful(c dms.Callee) dms.Callee {
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		l := c.Log(apply)
		return proposer{l, func(ctx context.Context, call dms.Call) ([]byte, error) {
			call.ID += uint64(time.Now().UnixNano())
			return l.Propose(ctx, call)
		}}
	}}
}

// dropping loses some calls that others led it to.
func dropping(c dms.Callee) dms.Callee {
	return logger{c, func(c dms.Callee, apply dms.Handler) dms.Log {
		var l dms.Log
		l = c.Log(func(ctx context.Context, call dms.Call) ([]byte, error) {
			if l.Leader() != c.Self().Peer && call.ID%5 == 0 {
				return nil, nil
			}
			return apply(ctx, call)
		})
		return l
	}}
}
