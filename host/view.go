package host

import (
	"context"

	"amino.run/abi"
)

// A View is a second guest in the state of an instance. Its calls see that state,
// and change nothing of it: what they write is the view's own, and gone at the next
// Refresh. Its methods are called by one goroutine at a time, while no call is inside the
// instance.
type View interface {
	// Refresh makes the view's state that of the instance. It costs the view's own
	// writes, not the size of memory, where the system can share memory so.
	Refresh(ctx context.Context) error

	// Invoke is Instance.Invoke. After Refresh the view can be entered, whatever
	// happened before.
	Invoke(ctx context.Context, kind abi.Kind, flags uint8, method string, args []byte) ([]byte, error)

	// Failed is Instance.Failed; Refresh mends it.
	Failed() bool

	// Close frees the view.
	Close(ctx context.Context) error
}
