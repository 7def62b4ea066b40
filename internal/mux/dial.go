package mux

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"amino.run/abi"
)

// Dial connects to a Server at addr (host:port). name is what the peer is told:
// a node's, or "" for a client; h answers what the peer asks over the
// connection. ctx bounds the dialing only. The error is Unavailable and means
// that nothing was sent.
func Dial(ctx context.Context, addr, name string, h Handler, opts ...Option) (*Conn, error) {
	work := newWorkers()
	d, err := dial(ctx, addr, name, h, work, newOptions(opts))
	if err != nil {
		return nil, err
	}
	go func() {
		d.run()
		work.close()
	}()
	return d.Conn, nil
}

// A dialed is a connection this side made, with the gRPC client it runs on.
type dialed struct {
	*Conn
	cc *grpc.ClientConn
}

// run serves the connection until it is done.
func (d *dialed) run() {
	d.Conn.run()
	_ = d.cc.Close()
}

func dial(ctx context.Context, addr, name string, h Handler, work *workers, opt *options) (*dialed, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, abi.Errorf(abi.Unavailable, "not sent: cannot connect to %s: %v; check the address and that a server runs there", addr, cause(err))
	}
	cc, err := client(nc, opt)
	if err != nil {
		_ = nc.Close()
		return nil, abi.Errorf(abi.Unavailable, "not sent: cannot connect to %s: %v", addr, err)
	}
	c, err := open(ctx, cc, addr, name, h, work, opt)
	if err != nil {
		_ = cc.Close()
		_ = nc.Close() // if gRPC has not taken it
		return nil, abi.Errorf(abi.Unavailable, "not sent: cannot connect to %s: %v", addr, err)
	}
	opt.onConnect(c)
	return &dialed{c, cc}, nil
}

// cause returns what the system said, without the address.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// client returns a gRPC client on a network connection. It does not connect
// again.
func client(nc net.Conn, opt *options) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if opt.tls != nil {
		creds = credentials.NewTLS(opt.tls)
	}
	var taken atomic.Bool
	return grpc.NewClient("passthrough:///"+nc.RemoteAddr().String(),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if taken.Swap(true) {
				return nil, errors.New("the connection was lost")
			}
			return nc, nil
		}),
		grpc.WithTransportCredentials(creds),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithStaticStreamWindowSize(window),
		grpc.WithStaticConnWindowSize(window),
		grpc.WithReadBufferSize(ioBuffer),
		grpc.WithWriteBufferSize(ioBuffer),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}), grpc.MaxCallRecvMsgSize(maxReceive)),
	)
}

// open makes the stream and exchanges hellos.
func open(ctx context.Context, cc *grpc.ClientConn, addr, name string, h Handler, work *workers, opt *options) (*Conn, error) {
	sctx, cancel := context.WithCancel(context.Background()) // outlives ctx
	stop := context.AfterFunc(ctx, cancel)
	cs, err := cc.NewStream(sctx, &desc(nil).Streams[0], method)
	if err != nil {
		cancel()
		return nil, helloErr(ctx, plain(err))
	}
	g := &grpcStream{s: cs, cancel: cancel}
	peer, err := greet(ctx, g, name)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return newConn(g, peer, addr, h, work, opt), nil
}
