// Package transaction has what the DMs of transactions share: the calls of a
// transaction run on a copy beside its client, and its outcome is decided at the
// replica.
package transaction

import (
	"time"

	"amino.run/dms"
)

// The verbs of a transaction. They take no arguments and answer null.
const (
	Begin    dms.Verb = "begin"
	Commit   dms.Verb = "commit"
	Rollback dms.Verb = "rollback"
)

// Terms are the terms of a DM's transactions.
type Terms struct {
	Begin, Commit, Rollback dms.Verb // as the DM calls them; Rollback may be ""

	TTL   time.Duration // how long one may last
	Locks bool          // others wait for its end, which is told even if nothing was changed
	Anew  bool          // to begin again drops the open one
}

// Transactions returns the terms of DMs that have the verbs begin, commit and
// rollback.
func Transactions(ttl time.Duration, locks bool) Terms {
	return Terms{Begin: Begin, Commit: Commit, Rollback: Rollback, TTL: ttl, Locks: locks}
}

// Verbs are those of Transactions.
func Verbs() []dms.Verb { return []dms.Verb{Begin, Commit, Rollback} }

// ends reports whether a verb ends a transaction.
func (t Terms) ends(v dms.Verb) bool { return v != "" && (v == t.Commit || v == t.Rollback) }

// Between the proxy and the instance the verbs have arguments of their own.
type (
	begun struct {
		Token uint64 // of the transaction; no other of the group has it
		State dms.Snapshot
	}
	ending struct { // what commit and rollback end
		Token uint64
		Again bool // it was sent before, and no answer came
		Base  uint64
		State *dms.Snapshot // nil if nothing was changed
	}
)

// client names who makes a call, among all callers at its node: the client of the
// outermost call and the microservice that calls on its behalf.
func client(call dms.Call) string {
	if n := len(call.Path); n > 0 {
		return call.Client + "\x00" + call.Path[n-1]
	}
	return call.Client
}
