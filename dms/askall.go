package dms

import (
	"context"
	"sync"
)

// A Reply is what one of several parts answered.
type Reply[T any] struct {
	From  Peer
	Value T
	Err   error
}

// AskAll sends req to all parts of to at once and waits for all their answers, see
// Ask. They come in the order of to.
func AskAll[Resp, Req any](ctx context.Context, p Part, to []Peer, req Req) []Reply[Resp] {
	replies := make([]Reply[Resp], len(to))
	var all sync.WaitGroup
	for i, peer := range to {
		all.Go(func() {
			v, err := Ask[Resp](ctx, p, peer, req)
			replies[i] = Reply[Resp]{peer, v, err}
		})
	}
	all.Wait()
	return replies
}
