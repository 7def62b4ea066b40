package part

import (
	"log/slog"
	"runtime/debug"

	"amino.run/abi"
)

// Caught, deferred, makes a panic the error of the function it ends, and logs where
// it was: the fault of one DM must not end the kernel and all that it hosts.
func Caught(log *slog.Logger, err *error) {
	if p := recover(); p != nil {
		log.Error("caught a panic", "panic", p, "stack", string(debug.Stack()))
		*err = abi.Errorf(abi.Internal, "a fault of a deployment manager or of the kernel, which logged it: %v (the call may have run)", p)
	}
}
