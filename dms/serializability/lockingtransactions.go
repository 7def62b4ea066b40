package serializability

import (
	"time"

	"amino.run/dms"
	"amino.run/dms/internal/transaction"
)

func init() {
	dms.Register("LockingTransactions", func() dms.DM { return &LockingTransactions{TTL: 10 * time.Second} })
}

// LockingTransactions makes the calls between begin and commit one transaction, and
// runs one at a time.
//
// Guarantees: strictly serializable. The calls of a transaction run on a copy beside
// its client, and all take effect at commit, or none. Meanwhile every other call and
// begin is refused with leased and the time left. A transaction that is not committed
// within its ttl is rolled back, also where its client is gone. A commit whose answer
// was lost may be sent again. A client is the program that made the outermost call
// (`aminorun invoke --as`) together with the microservice that calls on its behalf,
// each at one kernel.
//
// Costs: the whole state to begin, and to commit if it changed; nothing leaves the
// node for the calls between. Others wait or are refused.
//
// Needs: to come last of the DMs that see calls; with AtLeastOnceRPC before it, those
// that are refused wait. Outgoing calls in a transaction leave from the client's node,
// at once, and are not rolled back.
//
// Verbs: begin() begins a transaction, commit() makes it last, rollback() undoes it.
// Begin in a transaction, and the others outside one, fail with no transaction.
type LockingTransactions struct {
	TTL time.Duration `doc:"how long a transaction may last"`
}

// Validate implements dms.Validator.
func (d *LockingTransactions) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *LockingTransactions) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: transaction.Verbs(),
		Owns:  []dms.Trait{dms.Routes},
		Has:   []dms.Trait{dms.AtCallers, dms.Orders},
	}
}

// Proxy implements dms.Proxier.
func (d *LockingTransactions) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return transaction.Proxy(c, transaction.Transactions(d.TTL, true), next)
}

// Instance implements dms.Instancer.
func (d *LockingTransactions) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return transaction.Instance(c, transaction.Transactions(d.TTL, true), transaction.NewLock(c, d.TTL), next, c.Restore)
}
