package mux

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"amino.run/abi"
)

// Dial connects to a Server at addr (host:port). name is what the peer is told:
// a node's, or "" for a client; h answers what the peer asks over the
// connection. ctx bounds the dialing only. The error is Unavailable and means
// that nothing was sent.
func Dial(ctx context.Context, addr, name string, h Handler, opts ...Option) (*Conn, error) {
	work := newWorkers()
	c, err := dial(ctx, addr, name, h, work, newOptions(opts))
	if err != nil {
		return nil, err
	}
	go func() {
		c.run()
		work.close()
	}()
	return c, nil
}

func dial(ctx context.Context, addr, name string, h Handler, work *workers, opt *options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, abi.Errorf(abi.Unavailable, "not sent: cannot connect to %s: %v; check the address and that a server runs there", addr, cause(err))
	}
	tune(nc)
	if opt.tls != nil {
		nc = tls.Client(nc, opt.tls)
	}
	peer, err := greet(ctx, nc, name)
	if err != nil {
		_ = nc.Close()
		return nil, abi.Errorf(abi.Unavailable, "not sent: cannot connect to %s: %v", addr, err)
	}
	c := newConn(nc, peer, addr, h, work, opt)
	opt.onConnect(c)
	return c, nil
}

// cause returns what the system said, without the address.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
