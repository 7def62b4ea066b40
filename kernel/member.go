package kernel

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// Pauses between attempts to reach the OMS.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// member keeps the kernel a member of its cluster: it joins, renews the lease
// three times in each ttl, and joins again when the OMS no longer knows it.
func (k *Kernel) member() {
	defer close(k.left)
	var measuring sync.WaitGroup
	measuring.Go(k.measure)
	defer measuring.Wait()
	incarnation, joined := rand.Uint64(), false
	var ttl time.Duration
	pause := firstPause
	for k.ctx.Err() == nil {
		conn, fresh, err := k.oms.dial(k.ctx)
		if err == nil {
			switch {
			case !joined: // an answer may have been lost: the same incarnation asks again
				if ttl, err = k.join(conn, incarnation); err == nil {
					joined = true
					go k.caller.Refresh(k.ctx)
				}
			default:
				ttl, err = k.renew(conn, incarnation)
				if errors.Is(err, abi.ErrNotFound) {
					k.log.Warn("the OMS has given up on this kernel; joining again with nothing")
					k.endAll(k.lease.err())
					k.lease.drop()
					k.caller.Reset()
					incarnation, joined = rand.Uint64(), false
					continue
				}
				if fresh && err == nil {
					k.log.Info("reached the OMS again")
					go k.caller.Refresh(k.ctx) // what changed meanwhile, no one told this kernel
				}
			}
		}
		if err != nil {
			k.log.Warn("the OMS does not answer", "err", err, "again in", pause)
			k.sleep(pause)
			pause = min(2*pause, maxPause)
			continue
		}
		pause = firstPause
		k.waitRenewal(conn, ttl/3)
	}
}

// waitRenewal waits d, or until the stream to the OMS breaks.
func (k *Kernel) waitRenewal(conn *mux.Conn, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-conn.Done():
	case <-k.ctx.Done():
	}
}

func (k *Kernel) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-k.ctx.Done():
	}
}

// join asks for the first lease.
func (k *Kernel) join(conn *mux.Conn, incarnation uint64) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(k.ctx, 10*time.Second)
	defer cancel()
	asked := time.Now()
	rep, err := mux.Call[api.JoinReply](ctx, conn, api.OMSJoin, api.JoinRequest{Node: k.node, Incarnation: incarnation})
	if err != nil {
		return 0, err
	}
	k.learnNodes(rep.Nodes)
	k.lease.extend(asked.Add(rep.TTL))
	k.log.Info("joined", "addr", k.node.Addr, "lease", rep.TTL)
	return rep.TTL, nil
}

// renew extends the lease.
func (k *Kernel) renew(conn *mux.Conn, incarnation uint64) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(k.ctx, 5*time.Second)
	defer cancel()
	asked := time.Now()
	rep, err := mux.Call[api.RenewReply](ctx, conn, api.OMSRenew, api.RenewRequest{Node: k.node.ID, Incarnation: incarnation, RTT: k.rtts.take()})
	if err != nil {
		return 0, err
	}
	k.lease.extend(asked.Add(rep.TTL))
	return rep.TTL, nil
}

// learnNodes notes the live nodes.
func (k *Kernel) learnNodes(nodes []api.Node) {
	m := make(map[string]api.Node, len(nodes))
	for _, n := range nodes {
		m[n.ID] = n
	}
	k.nodes.Store(&m)
}
