package mux

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// Both sides keep the kernel's queue short.
func TestTune(t *testing.T) {
	conns := make(chan *Conn, 1)
	s := listen(t, echo, OnConnect(func(c *Conn) { conns <- c }))
	c, err := Dial(context.Background(), s.Addr(), "", echo)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, c := range []*Conn{c, <-conns} {
		raw, err := c.nc.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if e := raw.Control(func(fd uintptr) { n, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, notSentLowat) }); e != nil || err != nil || n != maxUnsent {
			t.Errorf("the limit is %d, %v, %v", n, e, err)
		}
	}
}

// What is written without waiting is counted right, whatever the socket takes of it.
func TestWritingWithoutWaiting(t *testing.T) {
	s := listen(t, echo)
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	try := trier(nc)
	if n := try(make([]byte, 10)); n != 10 { // not a hello: the server hangs up
		t.Errorf("%d of 10 bytes", n)
	}
	if n := try(nil); n != 0 {
		t.Errorf("%d of no bytes", n)
	}
	nc.Close()
	if n := try(make([]byte, 10)); n != 0 {
		t.Errorf("%d bytes on a closed connection", n)
	}

	a, b := connected(t)
	sent := 0
	try = trier(a)
	for n := -1; n != 0; sent += n { // until the socket is full
		n = try(make([]byte, 1<<20))
		if n > maxTry {
			t.Fatalf("%d bytes at once", n)
		}
	}
	got := 0
	for buf := make([]byte, 1<<20); got < sent; {
		n, err := b.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	if n := try(make([]byte, 1)); n != 1 || got != sent {
		t.Errorf("%d bytes were sent, %d came; then %d", sent, got, n)
	}
}

// connected returns two ends of a connection over loopback.
func connected(t *testing.T) (a, b net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}
