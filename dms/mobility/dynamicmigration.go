package mobility

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"amino.run/dms"
)

func init() {
	dms.Register("DynamicMigration", func() dms.DM {
		return &DynamicMigration{Window: 10 * time.Second, Gain: 1.5}
	})
}

// DynamicMigration moves a microservice to the node that its callers reach soonest.
//
// Guarantees: in each window it adds up, for each node, what the calls of the window
// waited or would have waited for: their number from each caller's node times the
// measured round trip. It moves to the best node if that was the best in two windows on
// end, by the factor gain, by more than chance explains (three standard deviations) and
// by more time than its last move took. So callers who call equally often do not make
// it oscillate. No call is lost or run twice.
//
// Costs: a count for each call, a message in each window; the size of the state for a
// move.
//
// Needs: a microservice of one replica; ten calls in a window or more.
//
// Verbs: none.
type DynamicMigration struct {
	Window time.Duration `doc:"time between two decisions"`
	Gain   float64       `doc:"move if callers would wait less by this factor"`
}

// Validate implements dms.Validator.
func (d *DynamicMigration) Validate() error {
	if d.Gain < 1 {
		return fmt.Errorf("gain=%v is less than 1, so it would move to where callers wait longer; write, say, gain=1.5", d.Gain)
	}
	return dms.Positive("window", d.Window)
}

// Concerns implements dms.Concerned.
func (*DynamicMigration) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Moves},
		Minds: map[dms.Trait]string{
			dms.OneNode:    "one keeps the microservice to one node, so the other could never move it",
			dms.Membership: "DynamicMigration moves the one replica of a microservice, and with several it would not know which",
		},
	}
}

// A tally is how many calls came from each node in a window.
type tally struct{ Calls map[string]int }

// Instance implements dms.Instancer.
func (d *DynamicMigration) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	var mu sync.Mutex
	calls := map[string]int{}
	c.Every(d.Window, func(context.Context) {
		mu.Lock()
		seen := calls
		calls = map[string]int{}
		mu.Unlock()
		dms.Tell(c, dms.Coordinator, tally{seen})
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		mu.Lock()
		calls[call.From.ID]++
		mu.Unlock()
		return next(ctx, call)
	}
}

// Coordinator implements dms.Coordinated.
func (d *DynamicMigration) Coordinator(g dms.Group) {
	var last string        // the node that the last window spoke for; "" if none
	var took time.Duration // by the last move
	dms.Answer(g, func(ctx context.Context, from dms.Peer, t tally) (none dms.None, err error) {
		at, err := dms.Primary(g)
		if err != nil || at.Peer != from {
			return none, err
		}
		best, saved := d.better(g, at.Node, t)
		again := best.ID != "" && best.ID == last
		last = best.ID
		if !again || saved < took {
			return none, nil
		}
		last = ""
		start := time.Now()
		err = g.Move(ctx, at, best)
		took = time.Since(start)
		return none, err
	})
}

// better returns the node at which the calls of t would have waited least, and by how
// much less than at the present one in all; the zero Node if it is no real gain.
func (d *DynamicMigration) better(g dms.Group, at dms.Node, t tally) (best dms.Node, saved time.Duration) {
	for _, n := range g.Nodes() {
		var now, then, chance float64 // seconds
		for id, calls := range t.Calls {
			from := dms.Node{ID: id}
			a, b := g.RTT(from, at), g.RTT(from, n)
			if max(a, b) == dms.Unmeasured {
				now, then = 0, 0
				break
			}
			now += float64(calls) * a.Seconds()
			then += float64(calls) * b.Seconds()
			chance += float64(calls) * math.Pow(a.Seconds()-b.Seconds(), 2) // variance, if calls come at random
		}
		gain := now - then
		if gain > 3*math.Sqrt(chance) && now > d.Gain*then && gain > saved.Seconds() {
			best, saved = n, time.Duration(gain*float64(time.Second))
		}
	}
	return best, saved
}
