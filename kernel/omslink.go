package kernel

import (
	"context"
	"sync"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// An omsLink is the stream to the OMS, dialled again when it breaks. Requests of
// the OMS arrive on it too. It may be used by many goroutines at once.
type omsLink struct {
	addr, node string
	handler    mux.Handler
	mu         sync.Mutex
	conn       *mux.Conn
}

func newOMSLink(addr, node string, h mux.Handler) *omsLink {
	return &omsLink{addr: addr, node: node, handler: h}
}

// dial returns the stream, dialling if there is none; fresh says it is new. One
// goroutine dials, and callers do not wait for it.
func (l *omsLink) dial(ctx context.Context) (conn *mux.Conn, fresh bool, err error) {
	if conn := l.stream(); conn != nil && conn.Err() == nil {
		return conn, false, nil
	}
	conn, err = mux.Dial(ctx, l.addr, l.node, l.handler)
	if err != nil {
		return nil, false, abi.Errorf(abi.Unavailable, "the OMS at %s cannot be reached: %v", l.addr, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return conn, true, nil
}

// stream returns the last stream, nil if there was none yet.
func (l *omsLink) stream() *mux.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// Call implements mux.Caller on the stream there is. It does not dial: the
// kernel's membership does, so that the OMS knows every stream's kernel.
func (l *omsLink) Call(ctx context.Context, body []byte) ([]byte, error) {
	conn := l.stream()
	if conn == nil {
		return nil, abi.Errorf(abi.Unavailable, "the OMS at %s cannot be reached", l.addr)
	}
	return conn.Call(ctx, body)
}

// Lookup implements caller.Directory.
func (l *omsLink) Lookup(ctx context.Context, ref string) (api.Group, error) {
	return mux.Call[api.Group](ctx, l, api.OMSLookup, api.Ref{Ref: ref})
}

// settle returns a group when no move of it is under way any more.
func (l *omsLink) settle(ctx context.Context, group string) (api.Group, error) {
	return mux.Call[api.Group](ctx, l, api.OMSSettle, api.Ref{Ref: group})
}

// module fetches a module by digest.
func (l *omsLink) module(ctx context.Context, digest string) ([]byte, error) {
	b, err := mux.Call[api.Bytes](ctx, l, api.OMSGetModule, api.Ref{Ref: digest})
	return b.B, err
}

// close ends the stream. No one dials any more.
func (l *omsLink) close() {
	if conn := l.stream(); conn != nil {
		conn.Close()
	}
}
