// Package client lets a program that is not a kernel use a cluster: deploy
// microservices, call them, move them. The command aminorun is one such program.
package client

import (
	"context"
	"crypto/rand"
	"sync"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// A Client talks to one cluster. It may be used by many goroutines at once.
type Client struct {
	oms   oms
	peers *mux.Pool

	mu      sync.Mutex
	gateway string    // address of the kernel that makes this client's calls
	begun   *mux.Conn // to it, if it took a verb, which may have begun something there
	name    string    // by which its calls are told from others'
}

// Dial connects to the OMS at addr (host:port). Close ends the client.
func Dial(ctx context.Context, addr string) (*Client, error) {
	peers := mux.NewPool("", nil)
	if _, err := peers.Get(ctx, addr); err != nil {
		peers.Close()
		return nil, abi.Errorf(abi.Unavailable, "no OMS answers at %s; start one with `aminorun oms` or `aminorun dev`, or name another with --oms: %v", addr, err)
	}
	return &Client{oms: oms{peers, addr}, peers: peers, name: rand.Text()}, nil
}

// Close ends the client's connections.
func (c *Client) Close() error { return c.peers.Close() }

// An oms is the OMS as a client sees it: reached again when it has been away.
type oms struct {
	peers *mux.Pool
	addr  string
}

// Call implements mux.Caller.
func (o oms) Call(ctx context.Context, body []byte) ([]byte, error) {
	conn, err := o.peers.Get(ctx, o.addr)
	if err != nil {
		return nil, err
	}
	return conn.Call(ctx, body)
}

// Call calls a method of a microservice. args is a CBOR array and the result one
// CBOR value; see abi.Args and abi.Decode. The kernel beside the caller is one
// live kernel, the same for all calls of this client while it lives.
func (c *Client) Call(ctx context.Context, name, method string, args []byte) ([]byte, error) {
	return c.call(ctx, api.CallRequest{Name: name, Method: method, Args: args})
}

// Verb sends a verb to the DMs of a microservice. What it began, as a transaction, is at
// this client's kernel. If that is lost, the next call fails with unavailable, and later
// ones go through another kernel, where they are not part of it.
func (c *Client) Verb(ctx context.Context, name, verb string, args []byte) ([]byte, error) {
	return c.call(ctx, api.CallRequest{Name: name, Verb: verb, Args: args})
}

// As makes the calls of this client from now on those of name: a transaction belongs
// to the client that began it. Each Client has a name of its own at first; those of
// the name "" are one client.
func (c *Client) As(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
}

func (c *Client) call(ctx context.Context, req api.CallRequest) ([]byte, error) {
	c.mu.Lock()
	req.Client = c.name
	c.mu.Unlock()
	conn, err := c.kernel(ctx)
	if err != nil {
		return nil, err
	}
	b, err := mux.Call[api.Bytes](ctx, conn, api.KernelCall, req)
	switch {
	case err != nil && connLost(conn):
		c.forgetGateway()
	case err == nil && req.Verb != "":
		c.mu.Lock()
		c.begun = conn
		c.mu.Unlock()
	}
	return b.B, err
}

func connLost(conn *mux.Conn) bool {
	select {
	case <-conn.Done():
		return true
	default:
		return false
	}
}

// kernel returns a connection to the client's kernel: the first live one that
// answers, in the order of their IDs.
func (c *Client) kernel(ctx context.Context) (*mux.Conn, error) {
	c.mu.Lock()
	addr, begun := c.gateway, c.begun
	c.mu.Unlock()
	if addr != "" {
		conn, err := c.peers.Get(ctx, addr)
		if err == nil && (begun == nil || begun == conn) {
			return conn, nil
		}
		if begun != nil {
			c.forgetGateway()
			return nil, abi.Errorf(abi.Unavailable, "not sent: this client's kernel was lost, and with it what a verb began there, as a transaction; begin anew")
		}
	}
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	err = abi.Errorf(abi.Unavailable, "no kernel is live; start one with `aminorun kernel` (the call did not run)")
	for _, n := range nodes {
		if !n.Live {
			continue
		}
		conn, dialErr := c.peers.Get(ctx, n.Addr)
		if dialErr != nil {
			err = dialErr
			continue
		}
		c.mu.Lock()
		c.gateway = n.Addr
		c.mu.Unlock()
		return conn, nil
	}
	return nil, err
}

func (c *Client) forgetGateway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gateway, c.begun = "", nil
}

// Through makes a kernel this client's, by node ID.
func (c *Client) Through(ctx context.Context, node string) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.ID == node {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.gateway, c.begun = n.Addr, nil
			return nil
		}
	}
	return abi.Errorf(abi.NotFound, "no kernel %s; `aminorun ls kernels` lists them", node)
}

// Invoke calls a method with Go values and returns its result as a T.
func Invoke[T any](ctx context.Context, c *Client, name, method string, args ...any) (result T, err error) {
	in, err := abi.Args(args...)
	if err != nil {
		return result, err
	}
	out, err := c.Call(ctx, name, method, in)
	if err != nil || len(out) == 0 {
		return result, err
	}
	return result, abi.Decode(out, &result)
}
