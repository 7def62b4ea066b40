// Primes is work for a processor: worth sending from a slow device to a fast one, if
// they are near.
package main

import (
	_ "embed"

	amino "amino.run/guest"
)

// Primes counts primes, and how often it was asked to remember that it did.
type Primes struct{ done int64 }

// New has done nothing yet.
func New() *Primes { return &Primes{} }

// Count returns how many primes there are below n. It takes time and changes nothing.
func (p *Primes) Count(n int64) int64 {
	var count int64
	for i := int64(2); i < n; i++ {
		if prime(i) {
			count++
		}
	}
	return count
}

// Work is Count, remembered; it returns how often it was called.
func (p *Primes) Work(n int64) int64 {
	p.Count(n)
	p.done++
	return p.done
}

func prime(n int64) bool {
	for d := int64(2); d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

//go:embed primes.go
var source string

func init() { amino.Serve(New, amino.ReadOnly("Count"), amino.Source(source)) }

func main() {}
