package mux

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

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
