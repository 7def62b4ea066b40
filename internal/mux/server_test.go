package mux

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
)

func TestListenSaysWhatIsWrong(t *testing.T) {
	s := listen(t, echo)
	if _, err := Listen(s.Addr(), "", echo); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("got %v", err)
	}
}

func TestServerCloseLetsCallsFinish(t *testing.T) {
	noLeaks(t)
	entered, release := make(chan struct{}, 2), make(chan struct{})
	conns := make(chan *Conn, 1)
	slow := func(_ context.Context, _ *Conn, body []byte) ([]byte, error) {
		entered <- struct{}{}
		<-release
		return body, nil
	}
	s, err := Listen("127.0.0.1:0", "server", slow, OnConnect(func(c *Conn) { conns <- c }))
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s, "", slow)
	results := make(chan error, 2)
	large := pattern(1 << 20)
	for _, from := range []*Conn{c, <-conns} { // one each way
		go func() {
			got, err := from.Call(context.Background(), large)
			if err == nil && len(got) != len(large) {
				err = errors.New("short reply")
			}
			results <- err
		}()
		<-entered
	}
	closed := make(chan error)
	go func() { closed <- s.Close(context.Background()) }()
	for c.usable() { // until the bye has come
		time.Sleep(time.Millisecond)
	}
	if _, err := c.Call(context.Background(), nil); !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "not sent") {
		t.Errorf("a call while closing: %v", err)
	}
	close(release)
	for range 2 {
		if err := <-results; err != nil {
			t.Errorf("a call in flight: %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	<-c.Done()
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestServerCloseEndsWithItsContext(t *testing.T) {
	noLeaks(t)
	entered := make(chan struct{})
	s, err := Listen("127.0.0.1:0", "server", func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s, "", echo)
	got := make(chan error)
	go func() {
		_, err := c.Call(context.Background(), nil)
		got <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	if err := <-got; !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("call: %v", err)
	}
}

func TestServerEndsOneConnection(t *testing.T) {
	noLeaks(t)
	conns := make(chan *Conn, 2)
	s := listen(t, echo, OnConnect(func(c *Conn) { conns <- c }))
	a := connect(t, s, "a", echo)
	toA := <-conns
	b := connect(t, s, "b", echo)
	toA.Close()
	<-a.Done()
	if _, err := b.Call(context.Background(), nil); err != nil {
		t.Errorf("the other connection: %v", err)
	}
}

// Strangers are told who answers and then nothing more; a silent one does not keep a
// server from closing.
func TestStrangers(t *testing.T) {
	noLeaks(t)
	s := listen(t, echo)
	for _, hello := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", magic + "\x01\x00"} {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := nc.Write([]byte(hello)); err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(nc); len(b) > helloHead+len("server") {
			t.Errorf("%q is answered %q", hello, b)
		}
	}
	silent, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closeServer(t, s)
}

func TestDialErrors(t *testing.T) {
	noLeaks(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()

	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	go func() {
		c, err := web.Accept()
		if err == nil {
			c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	for addr, says := range map[string]string{
		nobody:                   "check the address",
		silent.Addr().String():   "deadline",
		web.Addr().String():      "",
		"no.such.host.invalid:1": "check the address",
		"no port":                "missing port",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		_, err := Dial(ctx, addr, "", echo)
		cancel()
		if !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("%s: got %v", addr, err)
			continue
		}
		for _, part := range []string{"not sent", addr, says} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", addr, err, part)
			}
		}
	}
}

func TestTLS(t *testing.T) {
	noLeaks(t)
	cert, pool := certificate(t)
	s := listen(t, echo, TLS(&tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
	trusting := &tls.Config{RootCAs: pool, ServerName: "amino", Certificates: []tls.Certificate{cert}}
	c := connect(t, s, "", echo, TLS(trusting))
	for _, n := range []int{6, 1 << 20} {
		secret := pattern(n)
		if got, err := c.Call(context.Background(), secret); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("got %d bytes of %d, %v", len(got), n, err)
		}
	}
	for name, opts := range map[string][]Option{
		"plain":               nil,
		"without certificate": {TLS(&tls.Config{RootCAs: pool, ServerName: "amino"})},
		"not trusting":        {TLS(&tls.Config{ServerName: "amino"})},
	} {
		if c, err := Dial(context.Background(), s.Addr(), "", echo, opts...); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
}

// certificate returns a certificate for the name amino, and a pool with it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"amino"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
