package oms

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/oms/directory"
)

// BenchmarkRegister makes groups durable on the disk.
func BenchmarkRegister(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := testStore(b, vfs.Default, b.TempDir())
			var n atomic.Int64
			b.SetParallelism(callers)
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					if _, err := create(s, fmt.Sprintf("g-%d", n.Add(1))); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := create(s, fmt.Sprintf("g-%d", n.Add(1))); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkLookup finds groups by name among 100,000.
func BenchmarkLookup(b *testing.B) {
	s := testStore(b, vfs.NewMem(), "d")
	const n = 100_000
	done := make(chan error, 64)
	for w := range 64 {
		go func() {
			var err error
			for i := w; i < n && err == nil; i += 64 {
				var g *directory.Group
				if g, err = create(s, fmt.Sprintf("g-%d", i)); err == nil {
					_, err = s.do(directory.Run{Group: g.ID})
				}
			}
			done <- err
		}()
	}
	for range 64 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("g-%d", i)
	}
	b.ReportAllocs()
	var i int
	for b.Loop() {
		if _, err := s.find(names[i%n]); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}
