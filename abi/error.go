package abi

import (
	"context"
	"errors"
	"fmt"
)

// A State says which state a guest is in after a call that was undone.
type State uint8

const (
	StateUnknown  State = iota // not told, or the code does not undo
	StateBefore                // as before the call
	StateSnapshot              // the last snapshot: calls since then are undone too
)

// An Error is an error that crosses the wire. Two Errors are the same to
// errors.Is if their codes are.
type Error struct {
	Code  Code
	State State
	Msg   string
}

// The sentinels, one for each code. Use errors.Is with them and Errorf to say more.
var (
	ErrUnavailable   = &Error{Code: Unavailable, Msg: "no answer came"}
	ErrOverloaded    = &Error{Code: Overloaded, Msg: "overloaded"}
	ErrLeased        = &Error{Code: Leased, Msg: "leased to another caller"}
	ErrPlacement     = &Error{Code: Placement, Msg: "placement not allowed"}
	ErrVerb          = &Error{Code: UnknownVerb, Msg: "unknown verb"}
	ErrMethod        = &Error{Code: UnknownMethod, Msg: "unknown method"}
	ErrNotFound      = &Error{Code: NotFound, Msg: "not found"}
	ErrNotLeader     = &Error{Code: NotLeader, Msg: "not the leader"}
	ErrPermission    = &Error{Code: PermissionDenied, Msg: "permission denied"}
	ErrConflict      = &Error{Code: Conflict, Msg: "transaction conflict"}
	ErrTrap          = &Error{Code: Trap, Msg: "trap"}
	ErrFuel          = &Error{Code: Fuel, Msg: "out of fuel"}
	ErrMemory        = &Error{Code: MemoryLimit, Msg: "memory limit reached"}
	ErrDeadline      = &Error{Code: Deadline, Msg: "deadline passed in the guest"}
	ErrMoved         = &Error{Code: Moved, Msg: "moved"}
	ErrBadArgument   = &Error{Code: BadArgument, Msg: "bad argument"}
	ErrBadReply      = &Error{Code: BadReply, Msg: "bad reply"}
	ErrExists        = &Error{Code: Exists, Msg: "exists"}
	ErrNoTransaction = &Error{Code: NoTransaction, Msg: "no such transaction"}
	ErrCanceled      = &Error{Code: Canceled, Msg: "canceled"}
	ErrReentrant     = &Error{Code: Reentrant, Msg: "reentrant call"}
	ErrRefused       = &Error{Code: Refused, Msg: "refused"}
	ErrStorage       = &Error{Code: Storage, Msg: "storage failed"}
	ErrInternal      = &Error{Code: Internal, Msg: "internal error"}
)

// Error returns the message.
func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Code.String()
	}
	return e.Msg
}

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf returns an Error with a code and a message of its own.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Msg: fmt.Sprintf(format, args...)}
}

// AppError returns the error of a microservice.
func AppError(msg string) *Error { return &Error{Code: Application, Msg: msg} }

// AsError returns err as an Error for the wire. A context's end is Canceled
// or, for a deadline that passed while waiting for an answer, Unavailable; any
// other foreign error is Internal. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok {
		return e
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		if e.Error() == err.Error() {
			return e
		}
		return &Error{Code: e.Code, State: e.State, Msg: err.Error()} // keep what was wrapped around it
	case errors.Is(err, context.Canceled):
		return &Error{Code: Canceled, Msg: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Unavailable, Msg: "no answer before the deadline"}
	}
	return &Error{Code: Internal, Msg: err.Error()}
}

// CodeOf returns err's code; OK for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	return AsError(err).Code
}
