// Probe is a microservice that does what only Go can do, for the tests of
// guest-sdks/conformance.
package main

import (
	"log"

	amino "amino.run/guest"
)

// Probe counts what happens beside its methods.
type Probe struct {
	resumed int
	ticks   int
	tick    chan int
}

// Resumed returns how often this microservice has gone on from another one's state.
func (p *Probe) Resumed() int { return p.resumed }

// Throw returns a number of amino.Rand.
func (p *Probe) Throw() uint64 { return amino.Rand().Uint64() }

// Print writes to standard error.
func (p *Probe) Print(text string) { log.Print(text) }

// Start leaves a goroutine behind, which adds what Tick sends it.
func (p *Probe) Start() {
	p.tick = make(chan int)
	go func() {
		for n := range p.tick {
			p.ticks += n
		}
	}()
}

// Tick sends the goroutine n and then 0, and returns the sum: the second is taken
// when the first has been added.
func (p *Probe) Tick(n int) int {
	p.tick <- n
	p.tick <- 0
	return p.ticks
}

// Wait waits for ever: nobody sends.
func (p *Probe) Wait() { <-make(chan int) }

// Recurse recurses without end.
//
//lint:ignore SA5007 that is what it is for
func (p *Probe) Recurse(n int) int { return p.Recurse(n+1) + 1 }

// Both calls two methods of another microservice from two goroutines.
func (p *Probe) Both(target, method string, a, b any) ([]any, error) {
	type answer struct {
		v   any
		err error
	}
	first := make(chan answer)
	go func() {
		v, err := amino.Call[any](target, method, a)
		first <- answer{v, err}
	}()
	v, err := amino.Call[any](target, method, b)
	other := <-first
	if err == nil {
		err = other.err
	}
	return []any{other.v, v}, err
}

func init() {
	p := &Probe{}
	amino.Serve(p, amino.OnResume(func() { p.resumed++ }), amino.ReadOnly("Resumed"))
}

func main() {}
