package main

import "testing"

func TestPrimes(t *testing.T) {
	p := New()
	if n := p.Count(100); n != 25 {
		t.Errorf("%d primes below 100, want 25", n)
	}
	if p.Work(10) != 1 || p.Work(10) != 2 {
		t.Error("it does not remember")
	}
}
