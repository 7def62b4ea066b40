package mux

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// noLeaks fails the test if, once all that it opened is closed, a goroutine of
// this package is left. It is called first.
func noLeaks(t *testing.T) {
	t.Cleanup(func() {
		var left [][]byte
		for range 1000 { // goroutines end soon after what they served
			if left = ours(); len(left) == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines are left, such as\n%s", len(left), left[0])
	})
}

// ours returns the stacks of the goroutines of this package, but the one that
// calls it.
func ours() (out [][]byte) {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range bytes.Split(buf, []byte("\n\n"))[1:] {
		if bytes.Contains(g, []byte("amino.run/internal/mux.")) && !bytes.Contains(g, []byte("testing.tRunner")) {
			out = append(out, bytes.Clone(g))
		}
	}
	return out
}
