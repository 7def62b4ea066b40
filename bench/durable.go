package main

import (
	"bytes"
	"context"
	"fmt"
)

// benchDurable compares a call that is on disk before it is answered with a unary
// call of grpc-go, which keeps nothing; and says how long a microservice takes to
// come back, by the calls it had and by the size of its state.
func benchDurable(ctx context.Context, w *world) error {
	heading("A call that is on disk when it is answered (DurableSerializableRPC), beside grpc-go unary echo in the same rounds")
	for i := range many {
		if err := w.deployWhere(ctx, echoWasm, durableName(i), alone("k2"), "DurableSerializableRPC"); err != nil {
			return err
		}
	}
	if err := w.compareKept(ctx, durableName); err != nil {
		return err
	}
	return w.compareRecovery(ctx)
}

func durableName(i int) string { return fmt.Sprintf("durable-%d", i) }

// compareKept compares calls that a chain keeps, 64 B each, with the peer.
func (w *world) compareKept(ctx context.Context, name func(int) string, peers ...subject) error {
	const size = 64
	payload := bytes.Repeat([]byte{'x'}, size)
	peer, err := dialEcho(ctx, w.grpc, payload)
	if err != nil {
		return err
	}
	args := mustArgs("key", string(payload))
	put := func(name string) error {
		_, err := w.k1.Call(ctx, name, "put", args)
		return err
	}
	shared := subject{"guest, one for all", func(int) error { return put(name(0)) }}
	each := subject{"guest, one each", func(caller int) error { return put(name(caller)) }}
	if err := compareRemote(size, 1, append([]subject{peer, shared}, peers...)...); err != nil {
		return err
	}
	return compareRemote(size, many, append([]subject{peer, shared, each}, peers...)...)
}
