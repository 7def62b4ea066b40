package mux

import (
	"runtime"
	"slices"
	"sync"
)

const (
	maxPending = 1 << 20   // bytes of unwritten frames from which senders wait
	maxBacklog = 8 << 20   // bytes of them that only a peer that does not read can cause
	maxBatch   = 256 << 10 // bytes in a batch from which it is full
	enough     = 8 << 10   // bytes of a batch that waits for no more
	maxDirect  = 32 << 10  // bytes on their way from which a sender leaves the writing to the flusher
)

// A writer gathers frames into batches and sends one batch at a time. A sender
// that finds nobody writing writes its batch itself, which saves a switch of
// goroutines; what others append meanwhile goes to the flusher, so no caller
// is held up by the batches of others.
type writer struct {
	s      stream
	bufs   buffers
	many   func() bool // whether more calls are in flight than one
	failed func(error) // told why the stream broke
	done   <-chan struct{}
	kick   chan struct{} // wakes the flusher
	batch  []*[]byte     // being sent; of whoever writes

	mu      sync.Mutex
	pending []*[]byte  // frames not yet sent
	bytes   int        // in pending
	bodies  []*outBody // in line, each for its next fragment
	writing bool
	stopped bool
	room    chan struct{} // closed when the batch has been taken; nil if nobody waits
	idle    chan struct{} // closed when nothing is left to write; nil if nobody waits
}

func newWriter(s stream, done <-chan struct{}, many func() bool, failed func(error)) *writer {
	return &writer{s: s, done: done, many: many, failed: failed, kick: make(chan struct{}, 1)}
}

// put sends a frame with a body of at most maxFragment bytes, which it copies.
// It reports whether the frame is on its way: not if cancel was closed first or
// the stream is done. If wait is set it may write itself, and waits while too
// much is unwritten; else it does not block, as readers must not: two that wait
// for each other to read would wait forever.
func (w *writer) put(f *frame, body []byte, wait bool, cancel <-chan struct{}) bool {
	w.mu.Lock()
	for wait && w.bytes >= maxPending {
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		select {
		case <-room:
		case <-cancel:
			return false
		case <-w.done:
			return false
		}
		w.mu.Lock()
	}
	if w.stopped {
		w.mu.Unlock()
		return false
	}
	b := w.roomLocked(len(body))
	n := len(*b)
	*b = append(f.append(*b, len(body)), body...)
	w.bytes += len(*b) - n
	if w.writing {
		w.mu.Unlock()
		return true
	}
	w.writing = true
	w.mu.Unlock()
	if !wait || w.bufs.out.Load() >= maxDirect { // writing may block
		w.kick <- struct{}{}
		return true
	}
	w.gather()
	w.write()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.restLocked() {
		w.kick <- struct{}{}
	}
	return true
}

// flush writes what senders left, until the stream is done.
func (w *writer) flush() {
	for {
		select {
		case <-w.kick:
		case <-w.done:
			return
		}
		for more := true; more; {
			w.gather()
			w.write()
			w.mu.Lock()
			more = w.restLocked()
			w.mu.Unlock()
		}
	}
}

// gather lets others append, as long as they do: a batch costs as much as some ten
// frames.
func (w *writer) gather() {
	if !w.many() {
		return
	}
	for last := -1; ; {
		runtime.Gosched()
		n := w.backlog()
		if n <= last || n >= enough {
			return
		}
		last = n
	}
}

// restLocked reports whether there is more to write. If not it gives up the
// right to write.
func (w *writer) restLocked() bool {
	if len(w.pending) > 0 || len(w.bodies) > 0 {
		return true
	}
	w.writing = false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return false
}

// roomLocked returns the buffer that a frame with n bytes of body goes to.
func (w *writer) roomLocked(n int) *[]byte {
	n += maxHead
	if last := len(w.pending) - 1; last >= 0 && cap(*w.pending[last])-len(*w.pending[last]) >= n {
		return w.pending[last]
	}
	if len(w.pending) > 0 {
		n = largeBuffer // it is busy
	}
	b := w.bufs.get(n)
	w.pending = append(w.pending, b)
	return b
}

// write sends one batch. Only the goroutine that set writing may call it.
func (w *writer) write() {
	w.mu.Lock()
	if len(w.bodies) > 0 {
		w.fragmentLocked()
	}
	w.batch = w.batch[:0]
	size := 0
	for _, b := range w.pending {
		if size >= maxBatch {
			break
		}
		size += len(*b)
		w.batch = append(w.batch, b)
	}
	w.pending = slices.Delete(w.pending, 0, len(w.batch))
	w.bytes -= size
	if w.room != nil && w.bytes < maxPending {
		close(w.room)
		w.room = nil
	}
	w.mu.Unlock()
	if size == 0 {
		return
	}
	w.bufs.out.Add(int64(size))
	if err := w.s.send(w.batch, &w.bufs); err != nil {
		w.failed(err)
	}
}

// stop refuses frames from now on: the stream is done.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

// backlog returns how many bytes of frames are unwritten.
func (w *writer) backlog() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// drained returns a channel that is closed when all is written.
func (w *writer) drained() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.writing {
		c := make(chan struct{})
		close(c)
		return c
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}
