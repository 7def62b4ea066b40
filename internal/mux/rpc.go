package mux

import (
	"context"
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"

	"amino.run/abi"
)

// A Caller sends a request and returns the reply. It is safe for concurrent
// use and does not keep body. A *Conn is one.
type Caller interface {
	Call(ctx context.Context, body []byte) ([]byte, error)
}

var _ Caller = (*Conn)(nil)

// Values travel as deterministic CBOR (RFC 8949, section 4.2.1). What is read
// may have as many elements as its bytes allow, but no key twice.
var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxArrayElements: math.MaxInt32,
		MaxMapPairs:      math.MaxInt32,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Handle has f answer the requests of a name, with values that travel as CBOR.
// A request that is not a Req is BadArgument: f did not run.
func Handle[Req, Resp any](r *Router, name string, f func(ctx context.Context, from *Conn, req Req) (Resp, error)) {
	r.Handle(name, func(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
		var req Req
		if err := decoding.Unmarshal(body, &req); err != nil {
			return nil, abi.Errorf(abi.BadArgument, "%s: the request is not a %T: %v", name, req, err)
		}
		resp, err := f(ctx, from, req)
		if err != nil {
			return nil, err
		}
		b, err := encoding.Marshal(resp)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot encode the reply: %w", name, err)
		}
		return b, nil
	})
}

// Call calls the method of a name with req and returns its reply. Errors are
// those of Conn.Call; a req that cannot be encoded is BadArgument (not sent), a
// reply that is not a Resp is BadReply (the call ran).
func Call[Resp, Req any](ctx context.Context, conn Caller, name string, req Req) (resp Resp, err error) {
	b, err := encoding.Marshal(req)
	if err != nil {
		return resp, abi.Errorf(abi.BadArgument, "not sent: %s: cannot encode the request: %v", name, err)
	}
	if b, err = Raw(ctx, conn, name, b); err != nil {
		return resp, err
	}
	if err := decoding.Unmarshal(b, &resp); err != nil {
		return resp, abi.Errorf(abi.BadReply, "%s: the reply is not a %T: %v", name, resp, err)
	}
	return resp, nil
}

// Raw calls the method of a name with a body that is the parts joined, and
// returns the reply as it is.
func Raw(ctx context.Context, conn Caller, name string, parts ...[]byte) ([]byte, error) {
	n := 1 + len(name)
	for _, p := range parts {
		n += len(p)
	}
	if name == "" || len(name) > maxMethod {
		return nil, abi.Errorf(abi.BadArgument, "not sent: method %q: a name has 1 to %d bytes", name, maxMethod)
	}
	head := append(append(make([]byte, 0, 1+len(name)), byte(len(name))), name...)
	if c, ok := conn.(*Conn); ok && n > maxFragment { // spares a copy of the whole
		return c.CallParts(ctx, append([][]byte{head}, parts...)...)
	}
	body := append(make([]byte, 0, n), head...)
	for _, p := range parts {
		body = append(body, p...)
	}
	return conn.Call(ctx, body)
}
