package main

import (
	"context"
	"path/filepath"

	"amino.run/internal/api"
)

// benchReplicated compares a call that a majority of three kernels has on disk before
// it is answered with a unary call of grpc-go, which keeps nothing. The caller's
// kernel is none of the three.
func benchReplicated(ctx context.Context, w *world) error {
	heading("A call that two of three kernels have on disk when it is answered (ConsensusRSM-Cluster), beside grpc-go unary echo in the same rounds")
	for _, id := range []string{"k3", "k4"} {
		if _, err := w.child("-role", "kernel", "-id", id, "-oms", w.oms.Addr(), "-data", filepath.Join(w.dir, id)); err != nil {
			return err
		}
	}
	if err := w.live(ctx, 4); err != nil {
		return err
	}
	three := api.Selector{{{Key: "name", Op: api.In, Values: []string{"k2", "k3", "k4"}}}}
	for i := range 4 {
		if err := w.deployWhere(ctx, echoWasm, replicatedName(i), three, "ConsensusRSM-Cluster"); err != nil {
			return err
		}
	}
	peer, err := newPeerRaft(ctx, w)
	if err != nil {
		return err
	}
	return w.compareKept(ctx, replicatedName, peer)
}

func replicatedName(i int) string { return "replicated-" + string(rune('0'+i%4)) }
