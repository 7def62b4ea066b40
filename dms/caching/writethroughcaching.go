package caching

import (
	"context"
	"sync"
	"time"

	"amino.run/dms"
)

func init() {
	dms.Register("WriteThroughCaching", func() dms.DM { return &WriteThroughCaching{TTL: 10 * time.Second} })
}

// WriteThroughCaching answers readonly calls from a copy beside the caller, which may
// be old, and runs the others at the microservice.
//
// Guarantees: writes run at the microservice, in one order. The callers of a node
// see their own writes, and never an older state than they have seen; of the writes of
// others, they miss those of the last ttl at most. Reads go on for as long while the
// replica is lost; what is undone there by another DM may have been read here.
//
// Costs: nothing leaves the node for a readonly call; the whole state once each ttl, and
// after each write of this node's callers, when one of them reads.
//
// Needs: methods marked readonly in the manifest. It comes last of the DMs that see
// calls. Outgoing calls of readonly methods leave from the caller's node.
//
// Verbs: none; those of DMs before it count as writes.
type WriteThroughCaching struct {
	TTL time.Duration `doc:"how old a copy may be"`
}

// Validate implements dms.Validator.
func (d *WriteThroughCaching) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *WriteThroughCaching) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Routes}, Has: []dms.Trait{dms.ReadsAtCallers, dms.Spreads}}
}

// A reading is a copy and what is known of its age.
type reading struct {
	copy   dms.Copy
	writes int // of this node, that were answered before it was asked for
	until  time.Time
}

// Proxy implements dms.Proxier.
func (d *WriteThroughCaching) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	var mu sync.Mutex // guards these two
	var last reading
	var writes int
	fetching := dms.NewMutex()

	look := func() (r reading, now int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		return last, writes, last.copy != nil && last.writes == writes && time.Now().Before(last.until)
	}
	fresh := func(ctx context.Context) (dms.Copy, error) {
		if r, _, ok := look(); ok {
			return r.copy, nil
		}
		if err := fetching.Lock(ctx); err != nil {
			return nil, err
		}
		defer fetching.Unlock()
		r, now, ok := look() // another may have fetched it meanwhile
		if ok {
			return r.copy, nil
		}
		until := time.Now().Add(d.TTL)
		s, err := c.Fetch(ctx)
		if err != nil {
			return nil, err
		}
		if r.copy == nil {
			r.copy, err = c.Run(ctx, s)
		} else {
			err = r.copy.Restore(ctx, s)
		}
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		last = reading{r.copy, now, until}
		return r.copy, nil
	}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if !call.ReadOnly {
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				writes++
			}()
			return next(ctx, call)
		}
		copy, err := fresh(ctx)
		if err != nil {
			return nil, err
		}
		return copy.Invoke(ctx, call)
	}
}
