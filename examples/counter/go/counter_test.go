package main

import "testing"

func TestCounter(t *testing.T) {
	c := &Counter{}
	if got := c.Add(40) + c.Add(2); got != 40+42 {
		t.Errorf("the sums of 40 and 40+2 are %d together", got)
	}
	if got := c.Get(); got != 42 {
		t.Errorf("Get = %d, want 42", got)
	}
}
