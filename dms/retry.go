package dms

import (
	"context"
	"time"

	"amino.run/abi"
)

// Rest waits for d, shortened by chance by up to a half so that callers do not come
// back all at once. It reports whether ctx is still alive; where its deadline is
// sooner, it does not wait.
func Rest(ctx context.Context, p Part, d time.Duration) bool {
	d -= time.Duration(p.Rand(int(d/2) + 1))
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// GaveUp returns the error of a call that was tried again and again, the last time
// with err: of err's code, but abi.Unavailable if any attempt may have run.
func GaveUp(tries int, after time.Duration, mayHaveRun bool, err error) error {
	code := abi.CodeOf(err)
	if mayHaveRun {
		code = abi.Unavailable
	}
	return abi.Errorf(code, "tried %d times in %v: %v", tries, after.Round(time.Millisecond), err)
}
