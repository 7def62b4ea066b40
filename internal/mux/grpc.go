package mux

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

const (
	service    = "amino.run.Mux"
	streamName = "Frames"
	method     = "/" + service + "/" + streamName

	// A window bounds what is under way unread: small calls queue behind it.
	window     = 1 << 20
	ioBuffer   = 64 << 10
	maxReceive = 4 << 20 // no batch is longer
)

// A message is one gRPC message. Outgoing it is a batch and the pool its buffers
// go back to; incoming it holds the buffer gRPC read, or a copy if there were several.
type message struct {
	out  []*[]byte
	pool *buffers

	in   []byte
	held mem.Buffer // what in aliases; nil if copied
	copy []byte     // where messages are copied to
}

// A codec passes messages through as they are.
type codec struct{}

func (codec) Name() string { return "amino" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*message)
	if !ok {
		return nil, fmt.Errorf("not a batch of frames: %T", v)
	}
	s := make(mem.BufferSlice, len(m.out))
	for i, b := range m.out {
		s[i] = mem.NewBuffer(b, m.pool)
	}
	return s, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return fmt.Errorf("not a batch of frames: %T", v)
	}
	if len(data) == 1 {
		data[0].Ref()
		m.held, m.in = data[0], data[0].ReadOnlyData()
		return nil
	}
	m.copy = slices.Grow(m.copy[:0], data.Len())[:data.Len()]
	data.CopyTo(m.copy)
	m.in = m.copy
	return nil
}

// A grpcStream is a stream over a gRPC stream of either side.
type grpcStream struct {
	s interface { // what grpc.ClientStream and grpc.ServerStream share
		SendMsg(any) error
		RecvMsg(any) error
	}
	cancel func()
	out    message
	in     message
}

func (g *grpcStream) send(batch []*[]byte, pool *buffers) error {
	g.out.out, g.out.pool = batch, pool
	return plain(g.s.SendMsg(&g.out))
}

func (g *grpcStream) recv() ([]byte, error) {
	if g.in.held != nil {
		g.in.held.Free()
		g.in.held = nil
	}
	if err := g.s.RecvMsg(&g.in); err != nil {
		return nil, plain(err)
	}
	return g.in.in, nil
}

func (g *grpcStream) abort() { g.cancel() }

// plain returns err in words of ours.
func plain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("closed by the peer")
	}
	return errors.New("lost: " + status.Convert(err).Message())
}

// desc describes the one stream to gRPC; serve handles each.
func desc(serve func(grpc.ServerStream) error) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName:    streamName,
			ServerStreams: true,
			ClientStreams: true,
			Handler:       func(_ any, ss grpc.ServerStream) error { return serve(ss) },
		}},
	}
}
