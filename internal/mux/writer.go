package mux

import (
	"runtime"
	"slices"
	"sync"
)

const (
	maxPending = 1 << 20  // bytes of unwritten frames from which senders wait
	maxDirect  = 32 << 10 // bytes on their way from which a sender leaves the writing to the flusher
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

	mu      sync.Mutex
	batch   *[]byte // frames not yet sent; nil if none
	bodies  []*outBody
	writing bool
	stopped bool
	room    chan struct{} // closed when the batch has been taken; nil if nobody waits
	idle    chan struct{} // closed when nothing is left to write; nil if nobody waits
}

// An outBody is a body that is sent in fragments.
type outBody struct {
	head  frame // the first frame's
	next  kind  // the following frames'
	parts [][]byte
	begun bool
	last  func()        // called before the last fragment is sent; may be nil
	sent  chan struct{} // closed when the last fragment is in a batch
}

func newWriter(s stream, done <-chan struct{}, many func() bool, failed func(error)) *writer {
	return &writer{s: s, done: done, many: many, failed: failed, kick: make(chan struct{}, 1)}
}

// put sends a frame with a body of at most maxFragment bytes, which it copies.
// If wait is set it waits while too much is unwritten; it reports whether the
// frame is on its way: not if cancel was closed first or the stream is done.
func (w *writer) put(f *frame, body []byte, wait bool, cancel <-chan struct{}) bool {
	w.mu.Lock()
	for wait && w.batch != nil && len(*w.batch) >= maxPending {
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
	if w.batch == nil {
		w.batch = w.bufs.get()
	}
	*w.batch = append(f.append(*w.batch, len(body)), body...)
	if w.writing {
		w.mu.Unlock()
		return true
	}
	w.writing = true
	w.mu.Unlock()
	if w.bufs.out.Load() >= maxDirect { // writing may block
		w.kick <- struct{}{}
		return true
	}
	if w.many() {
		runtime.Gosched() // let others append
	}
	w.write()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.restLocked() {
		w.kick <- struct{}{}
	}
	return true
}

// putBody sends a body in fragments and returns when it is on its way, cancel
// is closed, answered has a value (which it puts back) or the stream is done;
// the parts are free to reuse then. It reports whether any of the body was sent
// and whether all was.
func (w *writer) putBody(b *outBody, cancel <-chan struct{}, answered chan struct{}) (begun, all bool) {
	b.sent = make(chan struct{})
	w.mu.Lock()
	w.bodies = append(w.bodies, b)
	if !w.writing {
		w.writing = true
		w.kick <- struct{}{}
	}
	w.mu.Unlock()
	select {
	case <-b.sent:
		return true, true
	case <-cancel:
	case <-answered:
		answered <- struct{}{}
	case <-w.done:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.bodies, b)
	if i < 0 {
		return true, true
	}
	w.bodies = slices.Delete(w.bodies, i, i+1)
	return b.begun, false
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
			if w.many() {
				runtime.Gosched()
			}
			w.write()
			w.mu.Lock()
			more = w.restLocked()
			w.mu.Unlock()
		}
	}
}

// restLocked reports whether there is more to write. If not it gives up the
// right to write.
func (w *writer) restLocked() bool {
	if w.batch != nil || len(w.bodies) > 0 {
		return true
	}
	w.writing = false
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return false
}

// write sends the batch and one fragment. Only the goroutine that set writing
// may call it.
func (w *writer) write() {
	w.mu.Lock()
	b := w.batch
	w.batch = nil
	if len(w.bodies) > 0 {
		if b == nil {
			b = w.bufs.get()
		}
		w.fragmentLocked(b)
	}
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
	w.mu.Unlock()
	if b == nil {
		return
	}
	w.bufs.out.Add(int64(len(*b)))
	if err := w.s.send(b, &w.bufs); err != nil {
		w.failed(err)
	}
}

// fragmentLocked appends the next fragment of the first body in line to b and
// sends the body to the end of the line.
func (w *writer) fragmentLocked(b *[]byte) {
	o := w.bodies[0]
	w.bodies = append(w.bodies[:0], w.bodies[1:]...)
	n := 0
	for _, p := range o.parts {
		n += len(p)
	}
	if n <= maxFragment && o.last != nil {
		o.last()
	}
	f := frame{kind: o.next, id: o.head.id}
	if !o.begun {
		f, o.begun = o.head, true
	}
	n = min(n, maxFragment)
	*b = f.append(*b, n)
	for n > 0 {
		k := min(n, len(o.parts[0]))
		*b = append(*b, o.parts[0][:k]...)
		o.parts[0], n = o.parts[0][k:], n-k
		if len(o.parts[0]) == 0 {
			o.parts = o.parts[1:]
		}
	}
	if len(o.parts) == 0 {
		close(o.sent)
		return
	}
	w.bodies = append(w.bodies, o)
}

// stop refuses frames from now on: the stream is done.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
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
