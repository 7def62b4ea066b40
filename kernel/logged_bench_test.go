package kernel

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"amino.run/abi"
	_ "amino.run/dms/checkpointing"
	"amino.run/internal/api"
)

// BenchmarkDurable is a call that is on disk when it is answered, without a network.
func BenchmarkDurable(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			c := newCluster(b, 1)
			c.deploy(c.kernels[0], "kv", conformance(b), api.Spec{DMs: []string{"DurableSerializableRPC"}})
			args, err := abi.Args("key", strings.Repeat("x", 60))
			if err != nil {
				b.Fatal(err)
			}
			b.SetParallelism(callers)
			b.ResetTimer()
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				if callers == 1 && n.Add(1) > 1 {
					return
				}
				for pb.Next() {
					if _, err := c.kernels[0].Call(b.Context(), "kv", "put", args); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
