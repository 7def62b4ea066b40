package mux

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"amino.run/abi"
)

// maxMethod is the length of the longest method name, in bytes.
const maxMethod = 255

// A Router is a Handler that goes by the name at the head of a body: one byte
// of length, then the name. Handlers are registered before it is used; after
// that it is safe for concurrent use.
type Router struct{ handlers map[string]Handler }

// NewRouter returns a router without handlers.
func NewRouter() *Router { return &Router{handlers: map[string]Handler{}} }

// Handle has f answer the requests of a name, and gives it what follows the
// name. It panics if the name is taken, empty or too long.
func (r *Router) Handle(name string, f Handler) {
	if name == "" || len(name) > maxMethod || r.handlers[name] != nil {
		panic(fmt.Sprintf("mux: method %q: a name is new and has 1 to %d bytes", name, maxMethod))
	}
	r.handlers[name] = f
}

// Serve is the Handler.
func (r *Router) Serve(ctx context.Context, from *Conn, body []byte) ([]byte, error) {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return nil, abi.Errorf(abi.BadArgument, "a request of %d bytes without a whole method name", len(body))
	}
	n := 1 + int(body[0])
	h := r.handlers[string(body[1:n])]
	if h == nil {
		return nil, abi.Errorf(abi.Refused, "the peer does not know %q; are both sides the same version?", body[1:n])
	}
	return h(ctx, from, body[n:])
}

// String lists the names, for messages.
func (r *Router) String() string {
	return strings.Join(slices.Sorted(maps.Keys(r.handlers)), " ")
}

var _ Handler = (*Router)(nil).Serve
