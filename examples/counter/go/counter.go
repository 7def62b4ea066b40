// Counter is the smallest microservice that has a state.
package main

import (
	_ "embed"

	amino "amino.run/guest"
)

// Counter counts.
type Counter struct{ n int64 }

// New begins at start, or at 0.
func New(start *int64) *Counter {
	if start == nil {
		return &Counter{}
	}
	return &Counter{*start}
}

// Add adds by and returns the sum.
func (c *Counter) Add(by int64) int64 {
	c.n += by
	return c.n
}

// Get returns the sum.
func (c *Counter) Get() int64 { return c.n }

//go:embed counter.go
var source string

func init() { amino.Serve(New, amino.ReadOnly("Get"), amino.Source(source)) }

func main() {}
