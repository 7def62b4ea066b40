// Package amino makes a microservice of an ordinary Go struct.
//
//	package main
//
//	import (
//		_ "embed"
//
//		amino "amino.run/guest"
//	)
//
//	// Counter counts.
//	type Counter struct{ n int64 }
//
//	// Add adds by and returns the sum.
//	func (c *Counter) Add(by int64) int64 { c.n += by; return c.n }
//
//	// Get returns the count.
//	func (c *Counter) Get() int64 { return c.n }
//
//	//go:embed main.go
//	var source string
//
//	func init() { amino.Serve(&Counter{}, amino.ReadOnly("Get"), amino.Source(source)) }
//	func main() {}
//
// Build it as a WebAssembly module:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags="-s -w" -o counter.wasm .
//
// Every exported method can be called from every language; PutAll is put_all
// there. A method takes any number of parameters and returns nothing, a value,
// an error, or a value and an error. Values are Go's own: bool, integers,
// floats, string, []byte, slices, arrays, maps, structs (maps of their exported
// fields, named as a json tag says or in snake case), pointers (nil is null),
// time.Time, any, and Value.
//
// The struct is the state, exported or not, and so is every package variable:
// the kernel snapshots the module's whole memory between two calls. One call
// runs at a time, so no locks are needed. Goroutines run only while a call does.
//
// An error reaches the caller as an application error with its text. So does a
// panic, with what the method did before it left as it is; its stack is logged.
//
// What is printed to standard output or error, also by package log, is logged.
package amino
