package dms

import (
	"context"
	"fmt"
	"reflect"

	"amino.run/abi"
)

// None is the answer with nothing in it.
type None struct{}

// kindOf names messages of type T on the wire: its package and its name. The kind
// means something only to the parts of one DM of one microservice.
func kindOf[T any]() string { return reflect.TypeFor[T]().String() }

// Ask sends req to the part at to and waits for its answer. abi.ErrUnavailable
// means that req may have been answered. It panics where an instance asks its
// coordinator, which may be waiting for the instance.
func Ask[Resp, Req any](ctx context.Context, p Part, to Peer, req Req) (resp Resp, err error) {
	if _, ok := p.(Callee); ok && to == Coordinator {
		panic("dms: an instance asks its coordinator " + kindOf[Req]() + "; use Tell")
	}
	body, err := abi.Encode(req)
	if err != nil {
		return resp, err
	}
	body, err = p.Send(ctx, to, kindOf[Req](), body)
	if err != nil {
		return resp, err
	}
	if err := abi.Decode(body, &resp); err != nil {
		return resp, abi.Errorf(abi.Internal, "the answer to %s: %v", kindOf[Req](), err)
	}
	return resp, nil
}

// Tell sends msg to the part at to and does not wait. A message that cannot be
// delivered is lost.
func Tell[Msg any](p Part, to Peer, msg Msg) {
	body, err := abi.Encode(msg)
	if err != nil {
		panic(fmt.Sprintf("dms: tell %s: %v", kindOf[Msg](), err)) // the DM declares the type
	}
	p.Post(to, kindOf[Msg](), body)
}

// Answer makes f answer the messages of type Req that reach p. Two answers to one
// type panic.
func Answer[Req, Resp any](p Part, f func(ctx context.Context, from Peer, req Req) (Resp, error)) {
	p.Receive(kindOf[Req](), func(ctx context.Context, from Peer, body []byte) ([]byte, error) {
		var req Req
		if err := abi.Decode(body, &req); err != nil {
			return nil, abi.Errorf(abi.BadArgument, "message %s: %v", kindOf[Req](), err)
		}
		resp, err := f(ctx, from, req)
		if err != nil {
			return nil, err
		}
		return abi.Encode(resp)
	})
}

// Keep returns a variable that outlives the part: the kernel moves it with its
// replica, and commits a coordinator's to the OMS after each upcall. It is init
// until something was kept. Its type has a CBOR form, see abi.Encode.
func Keep[T any](p Part, name string, init T) *T {
	cell := &init
	p.Keep(name, cell)
	return cell
}
