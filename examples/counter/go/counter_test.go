package main

import "testing"

func TestCounter(t *testing.T) {
	c := New(nil)
	if got := c.Add(40) + c.Add(2); got != 40+42 {
		t.Errorf("the sums of 40 and 40+2 are %d together", got)
	}
	if got := c.Get(); got != 42 {
		t.Errorf("Get = %d, want 42", got)
	}
}

func TestStart(t *testing.T) {
	start := int64(40)
	if got := New(&start).Add(2); got != 42 {
		t.Errorf("Add(2) = %d after a start of 40, want 42", got)
	}
}
