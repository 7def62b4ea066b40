package dms

import (
	"context"
	"sync"
)

// InvokeAll sends call to all replicas of to at once and waits for all their
// answers, see Caller.Invoke. They come in the order of to.
func InvokeAll(ctx context.Context, c Caller, to []Replica, call Call) []Reply[[]byte] {
	replies := make([]Reply[[]byte], len(to))
	var all sync.WaitGroup
	for i, r := range to {
		all.Go(func() {
			out, err := c.Invoke(ctx, r, call)
			replies[i] = Reply[[]byte]{r.Peer, out, err}
		})
	}
	all.Wait()
	return replies
}
