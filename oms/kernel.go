package oms

import (
	"context"
	"time"

	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// A Kernel is the OMS's end of a kernel server's stream; a *mux.Conn is one. Its
// methods are used by many goroutines at once.
type Kernel interface {
	// Call sends a request as mux.Router reads it and returns the reply. An error
	// of code abi.Unavailable means that the request may have been carried out.
	Call(ctx context.Context, body []byte) ([]byte, error)

	// Done is closed when the stream is over.
	Done() <-chan struct{}
}

var _ Kernel = (*mux.Conn)(nil)

// How long a kernel may take. Starting and inspecting compile a module; sending and
// capturing wait for the calls under way. A kernel with a closed gate that hears
// nothing for longer than sendCall asks the OMS (see Settle).
const (
	startCall = 2 * time.Minute
	sendCall  = 30 * time.Second
	shortCall = 10 * time.Second
)

// ask sends a request to a kernel and waits for at most d.
func ask[Resp, Req any](ctx context.Context, k Kernel, d time.Duration, name string, req Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return mux.Call[Resp](ctx, k, name, req)
}

func startReplica(ctx context.Context, k Kernel, req api.StartRequest) (api.StartReply, error) {
	return ask[api.StartReply](ctx, k, startCall, api.KernelStart, req)
}

func sendReplica(ctx context.Context, k Kernel, req api.SendRequest) (api.SendReply, error) {
	return ask[api.SendReply](ctx, k, sendCall, api.KernelSend, req)
}

func openReplica(ctx context.Context, k Kernel, ref api.ReplicaRef) error {
	_, err := ask[api.None](ctx, k, shortCall, api.KernelOpen, ref)
	return err
}

func forgetReplica(ctx context.Context, k Kernel, ref api.ReplicaRef, to *api.Replica) error {
	_, err := ask[api.None](ctx, k, shortCall, api.KernelForget, api.ForgetRequest{ReplicaRef: ref, To: to})
	return err
}
