package abi

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

var sentinels = []*Error{
	ErrUnavailable, ErrOverloaded, ErrLeased, ErrPlacement, ErrVerb, ErrMethod, ErrNotFound, ErrNotLeader, ErrPermission,
	ErrConflict, ErrTrap, ErrFuel, ErrMemory, ErrDeadline, ErrMoved, ErrBadArgument, ErrBadReply, ErrExists,
	ErrNoTransaction, ErrCanceled, ErrReentrant, ErrRefused, ErrStorage, ErrInternal,
}

// TestSentinels: there is one for each code but OK and Application, in order.
func TestSentinels(t *testing.T) {
	if len(sentinels) != int(numCodes)-2 {
		t.Fatalf("%d sentinels for %d codes", len(sentinels), numCodes-2)
	}
	for i, e := range sentinels {
		if e.Code != Code(i+2) {
			t.Errorf("sentinel %q has code %s, want %s", e, e.Code, Code(i+2))
		}
		if e.State != StateUnknown || e.Msg == "" {
			t.Errorf("sentinel of %s: state %d, message %q", e.Code, e.State, e.Msg)
		}
	}
}

func TestErrorsIs(t *testing.T) {
	for _, e := range sentinels {
		wrapped := fmt.Errorf("calling kv: %w", Errorf(e.Code, "said %d", 1))
		for _, other := range sentinels {
			if got := errors.Is(wrapped, other); got != (e == other) {
				t.Errorf("errors.Is(%s, %s) = %v", e.Code, other.Code, got)
			}
		}
	}
	if errors.Is(AppError("a"), ErrInternal) || !errors.Is(AppError("a"), AppError("b")) {
		t.Error("an application error is one by its code alone")
	}
	if errors.Is(ErrTrap, errors.New("trap")) {
		t.Error("an Error is a foreign error")
	}
}

func TestAsError(t *testing.T) {
	trap := &Error{Code: Trap, State: StateBefore, Msg: "unreachable"}
	for name, c := range map[string]struct {
		err  error
		want Error
	}{
		"itself":             {trap, *trap},
		"wrapped":            {fmt.Errorf("kv: %w", trap), Error{Trap, StateBefore, "kv: unreachable"}},
		"joined":             {errors.Join(errors.New("x"), trap), Error{Trap, StateBefore, "x\nunreachable"}},
		"canceled":           {context.Canceled, Error{Canceled, 0, "context canceled"}},
		"wrapped cancel":     {fmt.Errorf("a: %w", context.Canceled), Error{Canceled, 0, "a: context canceled"}},
		"deadline":           {context.DeadlineExceeded, Error{Unavailable, 0, "no answer before the deadline"}},
		"foreign":            {errors.New("x"), Error{Internal, 0, "x"}},
		"a code beats cause": {fmt.Errorf("%w: %w", ErrLeased, context.Canceled), Error{Leased, 0, "leased to another caller: context canceled"}},
	} {
		got := AsError(c.err)
		if *got != c.want {
			t.Errorf("%s: AsError = %+v, want %+v", name, *got, c.want)
		}
		if CodeOf(c.err) != c.want.Code {
			t.Errorf("%s: CodeOf = %s, want %s", name, CodeOf(c.err), c.want.Code)
		}
	}
	if AsError(trap) != trap {
		t.Error("AsError copies what is an Error already")
	}
	if AsError(nil) != nil || CodeOf(nil) != OK {
		t.Error("nil is no error")
	}
}

func TestErrorWithoutMessage(t *testing.T) {
	if got := (&Error{Code: UnknownMethod}).Error(); got != "unknown method" {
		t.Errorf("Error = %q, want the code's name", got)
	}
}
