// Hello greets. It shows a constructor argument, given at deploy time.
package main

import (
	_ "embed"

	amino "amino.run/guest"
)

// Hello greets everybody in the same way.
type Hello struct{ greeting string }

// New makes a Hello that says greeting; "Hello" if none is given.
func New(greeting *string) *Hello {
	if greeting == nil {
		return &Hello{"Hello"}
	}
	return &Hello{*greeting}
}

// Greet greets somebody by name.
func (h *Hello) Greet(name string) string { return h.greeting + ", " + name + "!" }

//go:embed hello.go
var source string

func init() { amino.Serve(New, amino.ReadOnly("Greet"), amino.Source(source)) }

func main() {}
