// Conformance is the microservice of guest-sdks/CONFORMANCE.md in Go.
package main

import (
	_ "embed"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	amino "amino.run/guest"
)

// Conformance is the microservice that every SDK ships.
type Conformance struct {
	label string
	store map[string]string
	count int64
	kept  [][]byte // a MiB each
}

// New keeps the label; it is "none" if it is left out.
func New(label *string) *Conformance {
	c := &Conformance{label: "none", store: map[string]string{}}
	if label != nil {
		c.label = *label
	}
	return c
}

// Label returns what the constructor was given.
func (c *Conformance) Label() string { return c.label }

// Echo returns any value as it came.
func (c *Conformance) Echo(v any) any { return v }

func (c *Conformance) Add(a, b int64) int64                   { return a + b }
func (c *Conformance) Scale(x, by float64) float64            { return x * by }
func (c *Conformance) Join(parts []string, sep string) string { return strings.Join(parts, sep) }
func (c *Conformance) Flip(b bool) bool                       { return !b }

func (c *Conformance) Reverse(b []byte) []byte {
	slices.Reverse(b)
	return b
}

// Put stores value under key and returns the number of keys.
func (c *Conformance) Put(key, value string) uint32 {
	c.store[key] = value
	return uint32(len(c.store))
}

// Get returns what is stored under key; nil if nothing is.
func (c *Conformance) Get(key string) *string {
	if value, ok := c.store[key]; ok {
		return &value
	}
	return nil
}

// Keys returns all keys, sorted.
func (c *Conformance) Keys() []string { return slices.Sorted(maps.Keys(c.store)) }

// Count adds by to the counter and returns it.
func (c *Conformance) Count(by int64) int64 {
	c.count += by
	return c.count
}

// Fail counts 1 and fails.
func (c *Conformance) Fail(msg string) error {
	c.count++
	return errors.New(msg)
}

// Panic counts 1 and panics.
func (c *Conformance) Panic(msg string) {
	c.count++
	panic(msg)
}

// Trap counts 1 and ends the module, which in Go is the nearest to a trap.
func (c *Conformance) Trap() {
	c.count++
	os.Exit(1)
}

// Spin never returns.
func (c *Conformance) Spin() {
	//lint:ignore SA5002 that is what it is for
	for {
	}
}

// Grow allocates mib MiB more, keeps them, and returns how many are kept.
func (c *Conformance) Grow(mib uint32) uint32 {
	for range mib {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i)
		}
		c.kept = append(c.kept, block)
	}
	return uint32(len(c.kept))
}

// Relay calls another microservice and returns its result.
func (c *Conformance) Relay(target, method string, arg any) (any, error) {
	return amino.Call[any](target, method, arg)
}

// Verb sends a verb to another microservice.
func (c *Conformance) Verb(target, verb string) (any, error) {
	return amino.Verb[any](target, verb)
}

// Whoami returns the name of this microservice.
func (c *Conformance) Whoami() string { return amino.Self().Name }

// Setting returns a configuration value; nil if there is none.
func (c *Conformance) Setting(key string) *string {
	if value, ok := amino.Config(key); ok {
		return &value
	}
	return nil
}

// Say logs text.
func (c *Conformance) Say(text string) { amino.Log(amino.LevelInfo, text) }

// Time returns the host's clock in nanoseconds.
func (c *Conformance) Time() uint64 { return uint64(amino.Now().UnixNano()) }

// Dice returns n random bytes of the host.
func (c *Conformance) Dice(n uint32) []byte {
	b := make([]byte, n)
	amino.Random(b)
	return b
}

//go:embed conformance.go
var source string

func init() {
	amino.Serve(New, amino.Source(source), amino.ReadOnly(
		"Label", "Echo", "Add", "Scale", "Join", "Flip", "Reverse", "Get", "Keys", "Whoami", "Setting", "Time", "Dice"))
}

func main() {}
