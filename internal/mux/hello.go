package mux

import (
	"context"
	"fmt"
	"time"
)

const (
	// version is the protocol's. Peers of different versions do not talk.
	version   = 1
	magic     = "amino\x00"
	maxName   = 255
	helloTime = 10 * time.Second // what a peer has for its hello
)

// appendHello appends the first message of a side: magic, version, name.
func appendHello(b []byte, name string) []byte {
	return append(append(append(b, magic...), version), name...)
}

// parseHello returns the name in a hello.
func parseHello(b []byte) (string, error) {
	if len(b) <= len(magic) || string(b[:len(magic)]) != magic {
		return "", fmt.Errorf("the peer does not speak Amino.Run's protocol")
	}
	if v := b[len(magic)]; v != version {
		return "", fmt.Errorf("the peer speaks version %d of the protocol, this side version %d; run the same release on both", v, version)
	}
	name := string(b[len(magic)+1:])
	if len(name) > maxName {
		return "", fmt.Errorf("the peer's name has %d bytes; the limit is %d", len(name), maxName)
	}
	return name, nil
}

// greet exchanges hellos on a new stream and returns the peer's name. If ctx
// ends first the stream is aborted.
func greet(ctx context.Context, s stream, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	if len(name) > maxName {
		return "", fmt.Errorf("the name %.20q... has %d bytes; the limit is %d", name, len(name), maxName)
	}
	var bufs buffers
	b := bufs.get(smallBuffer)
	*b = appendHello(*b, name)
	if err := s.send([]*[]byte{b}, &bufs); err != nil {
		return "", helloErr(ctx, err)
	}
	m, err := s.recv()
	if err != nil {
		return "", helloErr(ctx, err)
	}
	return parseHello(m)
}

func helloErr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no hello from the peer: %w", ctx.Err())
	}
	return err
}
