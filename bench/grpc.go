package main

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The peer: a unary echo of grpc-go with its defaults and protobuf messages, as a
// generated stub would make it.
var echo = grpc.ServiceDesc{
	ServiceName: "bench.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Echo",
		Handler: func(_ any, _ context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.BytesValue)
			if err := dec(in); err != nil {
				return nil, err
			}
			return &wrapperspb.BytesValue{Value: in.Value}, nil
		},
	}},
}

// serveGRPC is a child's role: the peer's server.
func serveGRPC() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	s.RegisterService(&echo, nil)
	fmt.Println(l.Addr())
	return s.Serve(l)
}

// dialEcho returns a subject that calls the peer's server with a payload.
func dialEcho(ctx context.Context, addr string, payload []byte) (subject, error) {
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return subject{}, err
	}
	return subject{"grpc-go unary echo", func(int) error {
		out := new(wrapperspb.BytesValue)
		return cc.Invoke(ctx, "/bench.Echo/Echo", &wrapperspb.BytesValue{Value: payload}, out)
	}}, nil
}
