package abi

import "fmt"

// A Code names a kind of error on the wire. Codes are append-only.
type Code uint8

// The codes of ABI.md's table. Each comment says whether the call may have run.
const (
	OK               Code = iota
	Application           // yes: the microservice returned an error of its own
	Unavailable           // perhaps: no answer came
	Overloaded            // no
	Leased                // no
	Placement             // no
	UnknownVerb           // no
	UnknownMethod         // no
	NotFound              // no
	NotLeader             // no
	PermissionDenied      // no
	Conflict              // rolled back
	Trap                  // partly, undone: see State
	Fuel                  // partly, undone
	MemoryLimit           // partly, undone
	Deadline              // partly, undone
	Moved                 // no; only kernels see it
	BadArgument           // no
	BadReply              // partly, undone
	Exists                // no
	NoTransaction         // no
	Canceled              // perhaps
	Reentrant             // no
	Refused               // no
	Storage               // no
	Internal              // perhaps
	numCodes
)

var codeNames = [numCodes]string{
	"ok", "application", "unavailable", "overloaded", "leased", "placement", "unknown verb", "unknown method",
	"not found", "not leader", "permission denied", "conflict", "trap", "fuel", "memory limit", "deadline", "moved",
	"bad argument", "bad reply", "exists", "no transaction", "canceled", "reentrant", "refused", "storage", "internal",
}

// String returns the code's name in ABI.md.
func (c Code) String() string {
	if c < numCodes {
		return codeNames[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// A Fate says what became of a call that ended in an error.
type Fate string

// The fates.
const (
	Ran        Fate = "the call ran"
	NotRun     Fate = "the call did not run"
	Perhaps    Fate = "the call may have run"
	RolledBack Fate = "the call was rolled back"
	Undone     Fate = "the call ran partly and was undone"
)

// Fate returns what an error with this code says of its call.
func (c Code) Fate() Fate {
	switch c {
	case OK, Application:
		return Ran
	case Unavailable, Canceled, Internal:
		return Perhaps
	case Conflict:
		return RolledBack
	case Trap, Fuel, MemoryLimit, Deadline, BadReply:
		return Undone
	}
	if c >= numCodes { // a newer peer's code
		return Perhaps
	}
	return NotRun
}
