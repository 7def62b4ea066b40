package mux

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// BenchmarkVersusUnary compares Call with a plain gRPC unary echo of the same
// bytes over loopback TCP. An iteration is a round: both run for a short while,
// one after the other, in one process. The metrics are medians over the rounds:
// the ratio of p50 latency and of CPU time for a call (below 1 is better than
// unary), the ratio of calls a second (above 1 is), and our own p50, rate and
// CPU. Run it with -benchtime=7x.
func BenchmarkVersusUnary(b *testing.B) {
	c := connect(b, listen(b, echo), "client", echo)
	ours := func(body []byte) error {
		_, err := c.Call(context.Background(), body)
		return err
	}
	theirs := unary(b)
	for _, size := range []int{64, 4096} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%dB/c%d", size, callers), func(b *testing.B) {
				compare(b, size, callers, ours, theirs)
			})
		}
	}
}

func compare(b *testing.B, size, callers int, ours, theirs func([]byte) error) {
	const window = 250 * time.Millisecond
	var p50, rate, cpu, ownP50, ownRate, ownCPU []float64
	drive(b, size, callers, window/5, ours) // warm up
	drive(b, size, callers, window/5, theirs)
	for b.Loop() {
		o, t := drive(b, size, callers, window, ours), drive(b, size, callers, window, theirs)
		p50 = append(p50, o.p50/t.p50)
		rate = append(rate, o.rate/t.rate)
		cpu = append(cpu, o.cpu/t.cpu)
		ownP50, ownRate, ownCPU = append(ownP50, o.p50), append(ownRate, o.rate), append(ownCPU, o.cpu)
	}
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	b.ReportMetric(median(p50), "p50-ratio")
	b.ReportMetric(median(rate), "rate-ratio")
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(ownP50), "p50-µs")
	b.ReportMetric(median(ownRate), "calls/s")
	b.ReportMetric(median(ownCPU), "cpu-µs/call")
}

// A result is what one window measured: µs, calls a second, µs of CPU a call.
type result struct{ p50, rate, cpu float64 }

func drive(b *testing.B, size, callers int, d time.Duration, call func([]byte) error) result {
	times := make([][]float64, callers)
	start, used := time.Now(), processTime(b)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			body := pattern(size)
			for now := start; now.Sub(start) < d; {
				if err := call(body); err != nil {
					b.Error(err)
					return
				}
				then := time.Now()
				times[i] = append(times[i], float64(then.Sub(now))/1e3)
				now = then
			}
		})
	}
	wg.Wait()
	used, took := processTime(b)-used, time.Since(start)
	all := slices.Concat(times...)
	n := float64(len(all))
	return result{median(all), n / took.Seconds(), float64(used.Microseconds()) / n}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// processTime returns the CPU time the process has used.
func processTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// unary returns a call to a plain gRPC echo service with default settings.
func unary(b *testing.B) func([]byte) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Echo",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Echo",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				m := new(wrapperspb.BytesValue)
				return m, decode(m)
			},
		}},
	}, nil)
	go s.Serve(ln)
	b.Cleanup(s.Stop)
	cc, err := grpc.NewClient(ln.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cc.Close() })
	return func(body []byte) error {
		return cc.Invoke(context.Background(), "/bench.Echo/Echo", &wrapperspb.BytesValue{Value: body}, new(wrapperspb.BytesValue))
	}
}

// BenchmarkCall counts what a call costs, both sides together.
func BenchmarkCall(b *testing.B) {
	c := connect(b, listen(b, echo), "client", echo)
	for _, size := range []int{64, 4096, 1 << 20} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%dB/c%d", size, callers), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				var wg sync.WaitGroup
				for i := range callers {
					wg.Go(func() {
						body := pattern(size)
						for range b.N/callers + min(1, max(0, b.N%callers-i)) {
							if _, err := c.Call(context.Background(), body); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}
