package oms

import (
	"context"

	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// Serve has o answer at addr, host:port; port 0 is any, and the server's Addr says
// which. Closing the server waits for the requests under way and leaves o open.
func Serve(addr string, o *OMS, opts ...mux.Option) (*mux.Server, error) {
	return mux.Listen(addr, "oms", o.router().Serve, opts...)
}

// router answers the names of package api.
func (o *OMS) router() *mux.Router {
	r := mux.NewRouter()
	mux.Handle(r, api.OMSJoin, func(ctx context.Context, k *mux.Conn, req api.JoinRequest) (api.JoinReply, error) {
		return o.Join(ctx, k, req)
	})
	mux.Handle(r, api.OMSRenew, func(ctx context.Context, k *mux.Conn, req api.RenewRequest) (api.RenewReply, error) {
		return o.Renew(ctx, k, req)
	})
	mux.Handle(r, api.OMSPutModule, func(ctx context.Context, _ *mux.Conn, req api.Bytes) (api.Module, error) {
		return o.PutModule(ctx, req.B)
	})
	mux.Handle(r, api.OMSGetModule, func(ctx context.Context, _ *mux.Conn, req api.Ref) (api.Bytes, error) {
		wasm, err := o.GetModule(ctx, req)
		return api.Bytes{B: wasm}, err
	})
	handle(r, api.OMSLookup, o.Lookup)
	handle(r, api.OMSSettle, o.Settle)
	handle(r, api.OMSAsk, o.Ask)
	handle(r, api.OMSDeploy, o.Deploy)
	handle(r, api.OMSDelete, nothing(o.Delete))
	handle(r, api.OMSMigrate, o.Migrate)
	handle(r, api.OMSSwitch, o.Switch)
	handle(r, api.OMSSnapshot, o.Snapshot)
	handle(r, api.OMSFork, o.Fork)
	handle(r, api.OMSAttach, o.Attach)
	handle(r, api.OMSDetach, nothing(o.Detach))
	handle(r, api.OMSGroups, all(o.Groups))
	handle(r, api.OMSNodes, all(o.Nodes))
	handle(r, api.OMSModules, all(o.Modules))
	return r
}

// handle has f answer whoever asks.
func handle[Req, Resp any](r *mux.Router, name string, f func(context.Context, Req) (Resp, error)) {
	mux.Handle(r, name, func(ctx context.Context, _ *mux.Conn, req Req) (Resp, error) { return f(ctx, req) })
}

// nothing makes f answer None.
func nothing[Req any](f func(context.Context, Req) error) func(context.Context, Req) (api.None, error) {
	return func(ctx context.Context, req Req) (api.None, error) { return api.None{}, f(ctx, req) }
}

// all makes f answer None.
func all[T any](f func() []T) func(context.Context, api.None) ([]T, error) {
	return func(context.Context, api.None) ([]T, error) { return f(), nil }
}
