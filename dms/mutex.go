package dms

import "context"

// A Mutex may be held while a part waits for a call, a message or a timer; a
// sync.Mutex must not, because its Lock cannot be cancelled and stops the clock
// of testing/synctest. Those who wait get it in the order they came.
type Mutex chan struct{}

// NewMutex returns an unlocked Mutex.
func NewMutex() Mutex { return make(Mutex, 1) }

// Lock waits for the mutex, or returns ctx's error.
func (m Mutex) Lock(ctx context.Context) error {
	select {
	case m <- struct{}{}:
		return nil
	default:
	}
	select {
	case m <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TryLock takes the mutex if it is free, and reports whether it was.
func (m Mutex) TryLock() bool {
	select {
	case m <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock lets the next one in. It panics if the mutex is not locked.
func (m Mutex) Unlock() {
	select {
	case <-m:
	default:
		panic("dms: unlock of an unlocked Mutex")
	}
}

// Serial returns a Handler that carries out one call of h at a time, in the order
// in which they came.
func Serial(h Handler) Handler {
	mu := NewMutex()
	return func(ctx context.Context, call Call) ([]byte, error) {
		if err := mu.Lock(ctx); err != nil {
			return nil, err
		}
		defer mu.Unlock()
		return h(ctx, call)
	}
}
