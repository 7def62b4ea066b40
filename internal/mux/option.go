package mux

import (
	"crypto/tls"
	"time"
)

type options struct {
	maxBody     int
	maxInFlight int
	silence     time.Duration
	tls         *tls.Config
	onConnect   func(*Conn)
}

// An Option changes what Listen, Dial and NewPool do by default.
type Option func(*options)

func newOptions(opts []Option) *options {
	o := &options{
		maxBody:     1 << 30,
		maxInFlight: 1 << 14,
		silence:     5 * time.Second,
		onConnect:   func(*Conn) {},
	}
	for _, f := range opts {
		f(o)
	}
	return o
}

// MaxBody sets the longest request and reply, in bytes, below 2 GiB. The
// default is 1 GiB.
func MaxBody(n int) Option { return func(o *options) { o.maxBody = n } }

// MaxInFlight sets how many requests one peer may have in flight on a
// connection; more are answered Overloaded. The default is 16,384.
func MaxInFlight(n int) Option { return func(o *options) { o.maxInFlight = n } }

// TLS makes connections use TLS. The default is plain text.
func TLS(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// OnConnect has f told of each new connection before it serves requests; its
// Done says when it is over. f must return soon, and not wait for a Call.
func OnConnect(f func(*Conn)) Option { return func(o *options) { o.onConnect = f } }
