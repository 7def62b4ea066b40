package scalability

import (
	"context"
	"slices"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// choosy does not see replicas that have said they are being taken away.
type choosy struct {
	dms.Caller
	rest  time.Duration
	mu    sync.Mutex
	until map[dms.Peer]time.Time
}

func (c *choosy) avoid(r dms.Peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until[r] = time.Now().Add(c.rest)
}

func (c *choosy) Replicas() []dms.Replica {
	all := c.Caller.Replicas()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(all, func(r dms.Replica) bool { return time.Now().Before(c.until[r.Peer]) })
}

func (c *choosy) Invoke(ctx context.Context, r dms.Replica, call dms.Call) ([]byte, error) {
	out, err := c.Caller.Invoke(ctx, r, call)
	if abi.CodeOf(err) == abi.NotLeader {
		c.avoid(r.Peer)
		err = abi.Errorf(abi.Overloaded, "%v", err)
	}
	return out, err
}
