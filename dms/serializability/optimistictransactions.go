package serializability

import (
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/internal/transaction"
)

func init() {
	dms.Register("OptimisticTransactions", func() dms.DM { return &OptimisticTransactions{TTL: time.Minute} })
}

// OptimisticTransactions makes the calls between begin and commit one transaction, and
// runs many side by side.
//
// Guarantees: strictly serializable. The calls of a transaction run on a copy beside
// its client, and all take effect at commit, or none. The first to commit wins: if any
// call that may write, inside a transaction or not, has run at the microservice since
// this one began, commit fails with conflict and nothing of it remains. A commit whose
// answer was lost may be sent again. A client is the program that made the outermost
// call (`aminorun invoke --as`) together with the microservice that calls on its
// behalf, each at one kernel.
//
// Costs: the whole state to begin, and to commit if it changed; nothing leaves the
// node for the calls between, nor to commit or roll back what changed nothing. What
// loses is done again by its client.
//
// Needs: transactions that seldom meet. It comes last of the DMs that see calls.
// Outgoing calls in a transaction leave from the client's node, at once, and are not
// rolled back.
//
// Verbs: begin() begins a transaction, commit() makes it last, rollback() undoes it.
// Begin in a transaction, and the others outside one, fail with no transaction.
type OptimisticTransactions struct {
	TTL time.Duration `doc:"how long a transaction may last"`
}

// Validate implements dms.Validator.
func (d *OptimisticTransactions) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *OptimisticTransactions) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: transaction.Verbs(),
		Owns:  []dms.Trait{dms.Routes},
		Has:   []dms.Trait{dms.AtCallers, dms.Orders, dms.Spreads},
	}
}

// Proxy implements dms.Proxier.
func (d *OptimisticTransactions) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return transaction.Proxy(c, transaction.Transactions(d.TTL, false), next)
}

// Instance implements dms.Instancer.
func (d *OptimisticTransactions) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return transaction.Instance(c, transaction.Transactions(d.TTL, false), firstWins{c}, next, c.Restore)
}

// firstWins is the rule that a transaction commits if nothing was written since it
// began.
type firstWins struct{ c dms.Callee }

func (firstWins) Begin(dms.Peer, uint64) error { return nil }
func (firstWins) End(dms.Peer, uint64)         {}
func (firstWins) Call() error                  { return nil }

func (r firstWins) Commit(_ dms.Peer, _, base uint64) error {
	if r.c.Version() != base {
		return abi.Errorf(abi.Conflict, "the microservice was written to since the transaction began, which is rolled back; begin anew")
	}
	return nil
}
