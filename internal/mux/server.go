package mux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// A Server accepts connections. It is safe for concurrent use.
type Server struct {
	name string
	h    Handler
	opt  *options
	ln   net.Listener
	grpc *grpc.Server
	work *workers
	wg   sync.WaitGroup // the goroutines of accepted connections

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	closed bool
}

// Listen accepts connections at addr (host:port, port 0 for any) and has h
// answer their requests. name is what peers are told: the node's.
func Listen(addr, name string, h Handler, opts ...Option) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w; choose another address or end what uses it", err)
	}
	s := &Server{name: name, h: h, opt: newOptions(opts), ln: ln, work: newWorkers(), conns: map[*Conn]struct{}{}}
	o := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(window),
		grpc.ReadBufferSize(ioBuffer),
		grpc.WriteBufferSize(ioBuffer),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.ConnectionTimeout(helloTime),
		grpc.WaitForHandlers(true),
	}
	if s.opt.tls != nil {
		o = append(o, grpc.Creds(credentials.NewTLS(s.opt.tls)))
	}
	s.grpc = grpc.NewServer(o...)
	s.grpc.RegisterService(desc(s.accept), nil)
	s.wg.Go(func() { _ = s.grpc.Serve(ln) }) // ends when the server is closed
	return s, nil
}

// Addr returns the address the server listens at.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Close stops accepting, tells peers to send no more, lets calls in both
// directions finish until ctx ends, and closes the connections. It returns
// ctx's error if that cut calls short. Handlers that ignore their context may
// run on.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return nil
	}
	s.closed = true
	var drained sync.WaitGroup
	for c := range s.conns {
		drained.Go(func() { c.drain(ctx) })
	}
	s.mu.Unlock()
	_ = s.ln.Close() // gRPC closes it again
	drained.Wait()
	stop := context.AfterFunc(ctx, s.grpc.Stop)
	s.grpc.GracefulStop() // sends what is left
	stop()
	s.wg.Wait()
	s.work.close()
	return ctx.Err()
}

// accept serves one stream for as long as it lasts.
func (s *Server) accept(ss grpc.ServerStream) error {
	g := &grpcStream{s: ss}
	ctx, cancel := context.WithCancel(ss.Context())
	defer cancel()
	g.cancel = cancel
	addr := "unknown"
	if p, ok := peer.FromContext(ctx); ok {
		addr = p.Addr.String()
	}
	type hello struct {
		name string
		err  error
	}
	greeted := make(chan hello, 1)
	go func() {
		name, err := greet(ctx, g, s.name)
		greeted <- hello{name, err}
	}()
	var h hello
	select {
	case h = <-greeted:
	case <-ctx.Done(): // aborted: returning makes greet fail
		h.err = fmt.Errorf("no hello from the peer")
	}
	if h.err != nil {
		return status.Error(codes.FailedPrecondition, h.err.Error())
	}
	c := newConn(g, h.name, addr, s.h, s.work, s.opt)
	if !s.add(c) {
		return status.Error(codes.Unavailable, "the server is closing")
	}
	defer s.remove(c)
	s.opt.onConnect(c)
	s.wg.Go(c.run)
	<-c.done
	if !errors.Is(c.err, errClosed) {
		return status.Errorf(codes.Aborted, "the peer ended it: %v", errors.Unwrap(c.err))
	}
	return nil
}

func (s *Server) add(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
