package main

import (
	"context"
	"fmt"

	"amino.run/abi"
)

// echoWasm answers what it is given.
const echoWasm = "guest-sdks/c/conformance/conformance.wasm"

// many is how many callers a loaded system has.
const many = 64

// benchRemote compares a call of a guest in another process with a unary call of
// grpc-go to a native echo, both over loopback, with one caller and with many;
// many callers have a microservice each, or share one, which answers them one
// after another.
func benchRemote(ctx context.Context, w *world) error {
	names := make([]string, many)
	for i := range names {
		names[i] = fmt.Sprintf("echo-%d", i)
		if err := w.deploy(ctx, echoWasm, names[i], "k2"); err != nil {
			return err
		}
	}
	heading("A call to another process, beside grpc-go unary echo in the same rounds")
	for _, size := range []int{64, 4096} {
		payload := make([]byte, size)
		peer, err := dialEcho(ctx, w.grpc, payload)
		if err != nil {
			return err
		}
		args := mustArgs(payload)
		echo := func(name string) error {
			out, err := w.k1.Call(ctx, name, "echo", args)
			if err == nil && len(out) < size {
				return abi.Errorf(abi.BadReply, "%d bytes came back", len(out))
			}
			return err
		}
		each := subject{"guest echo, one each", func(caller int) error { return echo(names[caller]) }}
		shared := subject{"guest echo, one for all", func(int) error { return echo(names[0]) }}
		if err := compareRemote(size, 1, peer, each); err != nil {
			return err
		}
		if err := compareRemote(size, many, peer, each, shared); err != nil {
			return err
		}
	}
	return nil
}

// compareRemote prints what subjects did, the first being the peer.
func compareRemote(size, callers int, subjects ...subject) error {
	rs, err := compare(callers, subjects)
	if err != nil {
		return err
	}
	for i, s := range subjects {
		fmt.Printf("  %4d B %2d callers  %-24s %10v %8.0f/s  CPU %v", size, callers, s.name, latency(rs[i]), rate(rs[i]), cpu(rs[i]))
		if i > 0 {
			fmt.Printf("   latency x%.2f, calls x%.1f, CPU x%.2f of grpc-go", latencyRatio(rs[i], rs[0]), rateRatio(rs[i], rs[0]), cpuRatio(rs[i], rs[0]))
		}
		fmt.Println()
	}
	return nil
}
