package checkpointing

import (
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/internal/transaction"
)

func init() {
	dms.Register("DurableTransactions", func() dms.DM { return &DurableTransactions{TTL: 10 * time.Second} })
}

// DurableTransactions makes the calls between begin and commit one transaction, on
// disk before commit is answered, and runs one at a time.
//
// Guarantees: strictly serializable, and nothing that was committed is lost. It is
// LockingTransactions, and what a commit leaves is on disk, whole or not at all, before
// it is answered. A call outside a transaction is one of its own: on disk before the
// answer, and without a trace if it fails, also with an error of the application. After
// a failure of the node the last commit is back. If the disk fails, a call or commit
// fails with storage and is undone.
//
// Costs: the whole state to begin and to commit; a write of the whole state to disk for
// each commit, and for each call outside a transaction that may write.
//
// Needs: to come last of the DMs that see calls, and a disk. Outgoing calls in a
// transaction leave from the client's node, at once, and are not rolled back.
//
// Verbs: begin() begins a transaction, commit() makes it last, rollback() undoes it.
// Begin in a transaction, and the others outside one, fail with no transaction.
type DurableTransactions struct {
	TTL time.Duration `doc:"how long a transaction may last"`
}

// Validate implements dms.Validator.
func (d *DurableTransactions) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *DurableTransactions) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: transaction.Verbs(),
		Owns:  []dms.Trait{dms.Routes, dms.Recovery},
		Has:   []dms.Trait{dms.AtCallers, dms.Orders},
	}
}

// Proxy implements dms.Proxier.
func (d *DurableTransactions) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return transaction.Proxy(c, transaction.Transactions(d.TTL, true), next)
}

// Instance implements dms.Instancer.
func (d *DurableTransactions) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	c.OnRecover(func(ctx context.Context) error { return dms.LoadLast(ctx, c) })
	due := dms.Keep(c, "due", (*dms.Snapshot)(nil)) // what the state has to go back to

	ready := func(ctx context.Context) error {
		if *due == nil {
			return nil
		}
		if err := c.Restore(ctx, **due); err != nil {
			return err
		}
		*due = nil
		return nil
	}
	// durably saves what a change left, or undoes it.
	durably := func(ctx context.Context, change func() ([]byte, error)) ([]byte, error) {
		before, err := c.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		out, err := change()
		if err != nil && c.Version() == before.Version {
			return nil, err
		}
		if err == nil {
			if err = dms.SaveNow(ctx, c); err == nil {
				return out, nil
			}
		}
		*due = &before
		_ = ready(context.WithoutCancel(ctx)) // or before the next call
		return nil, untouched(err)
	}
	call := func(ctx context.Context, call dms.Call) ([]byte, error) {
		if err := ready(ctx); err != nil {
			return nil, err
		}
		if call.ReadOnly {
			return next(ctx, call)
		}
		return durably(ctx, func() ([]byte, error) { return next(ctx, call) })
	}
	commit := func(ctx context.Context, s dms.Snapshot) error {
		if err := ready(ctx); err != nil {
			return err
		}
		_, err := durably(ctx, func() ([]byte, error) { return nil, c.Restore(ctx, s) })
		return err
	}
	return transaction.Instance(c, transaction.Transactions(d.TTL, true), transaction.NewLock(c, d.TTL), call, commit)
}

// untouched marks the error of a call that the host undid: the state is the one before
// the call.
func untouched(err error) error {
	e := *abi.AsError(err)
	if e.Code.Fate() == abi.Undone {
		e.State = abi.StateBefore
	}
	return &e
}
