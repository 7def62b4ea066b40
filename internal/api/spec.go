package api

import "time"

// A Spec says what to deploy and how: the document of `aminorun deploy spec.yaml`.
type Spec struct {
	Name     string            // unique among live microservices
	Module   string            // digest
	Args     []byte            // of the constructor: a CBOR array; nil is none
	DMs      []string          // nearest the application first; nil means the manifest's
	Config   map[string]string // what the import config answers
	Selector Selector          // of nodes; empty matches all
	Memory   uint64            // bytes; 0 is the default
	Fuel     uint64            // of one call; 0 is no limit
	Timeout  time.Duration     // of a call that has no deadline of its own; 0 is the default
	Rollback string            // RollbackCall (default) or RollbackSnapshot
}

// Where a guest goes back to after a call that was undone.
const (
	RollbackCall     = "call"     // before the call
	RollbackSnapshot = "snapshot" // the last snapshot: no calls are kept, which saves 0.15 us for each
)

// A Selector matches nodes by their labels: any of its terms.
type Selector []Term

// A Term matches nodes that meet all of its requirements.
type Term []Requirement

// A Requirement is a condition on one label.
type Requirement struct {
	Key    string
	Op     string // Equal, In, NotIn, Exists
	Values []string
}
