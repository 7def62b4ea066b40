package dms_test

import (
	"context"
	"fmt"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// RateLimit is a deployment manager of a third party: it refuses calls that come
// too soon after the last one.
type RateLimit struct {
	Gap time.Duration `doc:"between two calls"`
}

func init() {
	dms.Register("RateLimit", func() dms.DM { return &RateLimit{Gap: 10 * time.Millisecond} })
}

func (d *RateLimit) Validate() error { return dms.Positive("gap", d.Gap) }

func (d *RateLimit) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	last := dms.Keep(c, "last", time.Time{}) // moves along
	return dms.Serial(func(ctx context.Context, call dms.Call) ([]byte, error) {
		if time.Since(*last) < d.Gap {
			return nil, abi.Errorf(abi.Overloaded, "one call each %v", d.Gap)
		}
		*last = time.Now()
		return next(ctx, call)
	})
}

func ExampleParse() {
	dm, err := dms.Parse("RateLimit(gap=1500ms)")
	fmt.Println(dms.String(dm), err)
	_, err = dms.Parse("RateLimit(gap=5)")
	fmt.Println(err)
	// Output:
	// RateLimit(gap=1.5s) <nil>
	// RateLimit: gap=5 is no duration; write, say, gap=10s
}

func ExampleCheck() {
	chain, err := dms.ParseChain([]string{"LeaseCaching(ttl=5s)", "RateLimit"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dms.Check(chain))
	// Output:
	// RateLimit must come before LeaseCaching: LeaseCaching runs calls beside their callers, and a DM after it sees none; write [RateLimit, LeaseCaching(ttl=5s)]
}
