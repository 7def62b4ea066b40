package main

import (
	"testing"

	amino "amino.run/guest"
	"amino.run/guest/aminotest"
)

func TestGreet(t *testing.T) {
	evening := "Good evening"
	for want, greeting := range map[string]*string{"Hello, Ada!": nil, "Good evening, Ada!": &evening} {
		if got := New(greeting).Greet("Ada"); got != want {
			t.Errorf("Greet = %q, want %q", got, want)
		}
	}
}

func TestCalled(t *testing.T) {
	aminotest.New(t).Serve("hello", New)
	if got, err := amino.Call[string]("hello", "greet", "Ada"); got != "Hello, Ada!" || err != nil {
		t.Errorf("greet = %q, %v", got, err)
	}
	if _, err := amino.Call[string]("hello", "greet"); amino.CodeOf(err) != amino.BadArgument {
		t.Errorf("greet without a name: %v", err)
	}
}
