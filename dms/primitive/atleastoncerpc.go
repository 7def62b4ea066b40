package primitive

import (
	"cmp"
	"context"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("AtLeastOnceRPC", func() dms.DM {
		return &AtLeastOnceRPC{Timeout: 20 * time.Second, Pause: 20 * time.Millisecond, MaxPause: time.Second}
	})
}

// AtLeastOnceRPC sends a call again until it is answered, for a bounded time.
//
// Guarantees: a call that is answered has run at least once, perhaps more often
// with the same ID. Sent again is what ended with unavailable, overloaded, leased
// or not leader; an error of the application is an answer. When it gives up, the
// error says how often it tried, and that the call may have run if any attempt may
// have.
//
// Costs: nothing while calls are answered; then pauses that double, each shortened
// by chance by up to a half, so that callers do not come back all at once.
//
// Needs: methods that may run twice. It comes before a DM that decides where a call
// runs. The caller's own deadline holds if it is sooner.
//
// Verbs: none; those of other DMs are sent again as methods are.
type AtLeastOnceRPC struct {
	Timeout  time.Duration `doc:"for all attempts together"`
	Pause    time.Duration `doc:"before the second attempt; doubles after each"`
	MaxPause time.Duration `doc:"the longest pause"`
}

// Validate implements dms.Validator.
func (d *AtLeastOnceRPC) Validate() error {
	return cmp.Or(dms.Positive("timeout", d.Timeout), dms.Positive("pause", d.Pause), dms.Positive("maxPause", d.MaxPause))
}

// Concerns implements dms.Concerned.
func (d *AtLeastOnceRPC) Concerns() dms.Concerns {
	return dms.Concerns{Before: map[dms.Trait]string{
		dms.Routes: "only so can a call that is sent again go elsewhere",
	}}
}

// Proxy implements dms.Proxier.
func (d *AtLeastOnceRPC) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		out, err := next(ctx, call)
		if err == nil || !dms.Retryable(err) {
			return out, err
		}
		return d.again(ctx, c, next, call, err)
	}
}

// again carries out a call whose first attempt ended with err.
func (d *AtLeastOnceRPC) again(ctx context.Context, c dms.Caller, next dms.Handler, call dms.Call, err error) (out []byte, _ error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()

	mayHaveRun := fate(err) != abi.NotRun
	for tries, pause := 1, min(d.Pause, d.MaxPause); ; tries, pause = tries+1, min(2*pause, d.MaxPause) {
		if !dms.Rest(ctx, c, pause) {
			return nil, dms.GaveUp(tries, time.Since(start), mayHaveRun, err)
		}
		if out, err = next(ctx, call); err == nil {
			return out, nil
		}
		switch f := fate(err); {
		case !dms.Retryable(err) && (f == abi.Ran || !mayHaveRun):
			return nil, err
		case !dms.Retryable(err):
			return nil, dms.GaveUp(tries+1, time.Since(start), mayHaveRun, err)
		case f != abi.NotRun:
			mayHaveRun = true
		}
	}
}

func fate(err error) abi.Fate { return abi.CodeOf(err).Fate() }
