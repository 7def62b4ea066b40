package mux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// acceptPause is how long a server waits that cannot accept.
const acceptPause = 10 * time.Millisecond

// A Server accepts connections. It is safe for concurrent use.
type Server struct {
	name string
	h    Handler
	opt  *options
	ln   net.Listener
	work *workers
	wg   sync.WaitGroup // the accepting goroutine and those of connections

	ctx    context.Context // ended by Close: hellos are cut short
	cancel context.CancelFunc

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
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
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
	_ = s.ln.Close()
	s.cancel()
	drained.Wait()
	s.wg.Wait()
	s.work.close()
	return ctx.Err()
}

// accept takes connections until the server is closed.
func (s *Server) accept() {
	for {
		nc, err := s.ln.Accept()
		switch {
		case err == nil:
			s.wg.Go(func() { s.serve(nc) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of files or memory, most likely
			time.Sleep(acceptPause)
		}
	}
}

// serve serves one connection for as long as it lasts. A peer that does not say
// hello is not answered.
func (s *Server) serve(nc net.Conn) {
	defer nc.Close()
	tune(nc)
	if s.opt.tls != nil {
		nc = tls.Server(nc, s.opt.tls)
	}
	peer, err := greet(s.ctx, nc, s.name)
	if err != nil {
		return
	}
	c := newConn(nc, peer, nc.RemoteAddr().String(), s.h, s.work, s.opt)
	if !s.add(c) {
		return
	}
	defer s.remove(c)
	s.opt.onConnect(c)
	c.run()
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
