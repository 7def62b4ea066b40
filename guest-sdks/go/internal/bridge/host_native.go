//go:build !wasip1

package bridge

// Current is the host; nil outside a module and outside aminotest.
var Current Host
