package dmtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Add appends numbers and fails the test if it cannot.
func (c *Client) Add(t testing.TB, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if _, err := c.Append(n); err != nil {
			t.Errorf("append %d at %s: %v", n, c.node.ID, err)
		}
	}
}

// Want fails the test unless the list holds these numbers.
func (c *Client) Want(t testing.TB, numbers ...int) {
	t.Helper()
	if got, err := c.List(); err != nil || !slices.Equal(got, numbers) {
		t.Errorf("list at %s = %v, %v; want %v", c.node.ID, got, err, numbers)
	}
}

// WantError fails the test unless err is target and its message has all parts.
func WantError(t testing.TB, err, target error, parts ...string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v; want %v", err, target)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}
