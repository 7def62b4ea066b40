package mux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// version is the protocol's. Peers of different versions do not talk.
	version   = 2
	magic     = "amino\x00"
	maxName   = 255
	helloTime = 10 * time.Second // what a peer has for its hello
)

// A hello is the first thing a side says: magic, version, the length of its name
// in one byte, and the name.
const helloHead = len(magic) + 2

func appendHello(b []byte, name string) []byte {
	b = append(append(b, magic...), version, byte(len(name)))
	return append(b, name...)
}

// readHello returns the name in the peer's hello. It reads no further.
func readHello(r io.Reader) (string, error) {
	var head [helloHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	if string(head[:len(magic)]) != magic {
		return "", errors.New("the peer does not speak Amino.Run's protocol")
	}
	if v := head[len(magic)]; v != version {
		return "", fmt.Errorf("the peer speaks version %d of the protocol, this side version %d; run the same release on both", v, version)
	}
	name := make([]byte, head[helloHead-1])
	_, err := io.ReadFull(r, name)
	return string(name), err
}

// greet exchanges hellos on a new connection and returns the peer's name. If ctx
// ends first the connection is closed.
func greet(ctx context.Context, nc net.Conn, name string) (peer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if len(name) > maxName {
		return "", fmt.Errorf("the name %.20q... has %d bytes; the limit is %d", name, len(name), maxName)
	}
	sent := make(chan error, 1) // sent while the peer's is read: neither waits for the other to read
	go func() {
		_, err := nc.Write(appendHello(nil, name))
		sent <- err
	}()
	if peer, err = readHello(nc); err != nil {
		_ = nc.Close()
	}
	if e := <-sent; err == nil {
		err = e
	}
	switch {
	case err == nil:
		return peer, nil
	case ctx.Err() != nil:
		return "", fmt.Errorf("no hello from the peer: %w", ctx.Err())
	}
	return "", plain(err)
}
