package amino

import (
	"errors"
	"fmt"
	"strconv"
)

// A Code says what kind of error a call ended in. The numbers are the wire's.
type Code uint8

// The codes. ABI.md's table says of each whether the call ran.
const (
	Application Code = iota + 1
	Unavailable
	Overloaded
	Leased
	Placement
	UnknownVerb
	UnknownMethod
	NotFound
	NotLeader
	PermissionDenied
	Conflict
	Trap
	Fuel
	MemoryLimit
	Deadline
	Moved
	BadArgument
	BadReply
	Exists
	NoTransaction
	Canceled
	Reentrant
	Refused
	Storage
	Internal
)

var codeNames = [...]string{
	"ok", "application", "unavailable", "overloaded", "leased", "placement", "unknown verb", "unknown method",
	"not found", "not leader", "permission denied", "conflict", "trap", "fuel", "memory limit", "deadline", "moved",
	"bad argument", "bad reply", "exists", "no transaction", "canceled", "reentrant", "refused", "storage", "internal",
}

// String returns the code's name.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code " + strconv.Itoa(int(c))
}

// An Error is what a failed call of another microservice returns. Find it with
// errors.As. A method that returns it, wrapped or not, passes its code on to its
// own caller; any other error reaches the caller with the code Application.
type Error struct {
	Code Code
	Msg  string
}

// Error returns the message.
func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Code.String()
	}
	return e.Msg
}

// Is reports whether target is an Error of the same code and, if it has one, the
// same message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Msg == "" || t.Msg == e.Msg)
}

// Errorf returns an Error with a code other than Application.
func Errorf(code Code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// CodeOf returns the code that err has on the wire; 0 for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := err.(*Error); ok { // errors.As takes a microsecond in a module
		return e.Code
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Application
}
