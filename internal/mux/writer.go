package mux

import (
	"net"
	"runtime"
	"sync"
)

const (
	maxPending = 1 << 20   // bytes of unwritten frames from which senders wait
	maxBacklog = 8 << 20   // bytes of them that only a peer that does not read can cause
	maxSpare   = 512 << 10 // bytes of a batch that is kept for reuse, for as long as there is traffic
	enough     = 64 << 10  // bytes of a batch that waits for no more
)

// A writer gathers frames into batches and writes one batch at a time. A sender
// that finds nobody writing writes its batch itself, as far as that needs no
// waiting, which saves a switch of goroutines; the rest, and what others append
// meanwhile, goes to the flusher, so no caller is held up by the batches of others.
type writer struct {
	nc     net.Conn
	try    func([]byte) int // writes what it can without waiting; nil if nc cannot
	many   func() bool      // whether more calls are in flight than one
	failed func(error)      // told why writing failed
	done   <-chan struct{}
	kick   chan struct{} // wakes the flusher
	batch  []byte        // being written; of whoever writes
	rest   []byte        // the end of batch, which is not written

	mu      sync.Mutex
	pending []byte     // frames not in a batch yet
	spare   []byte     // for the next pending
	bodies  []*outBody // in line, each for its next fragment
	writing bool
	stopped bool
	room    chan struct{} // closed when pending has been taken; nil if nobody waits
	idle    chan struct{} // closed when nothing is left to write; nil if nobody waits
}

func newWriter(nc net.Conn, done <-chan struct{}, many func() bool, failed func(error)) *writer {
	return &writer{nc: nc, try: trier(nc), done: done, many: many, failed: failed, kick: make(chan struct{}, 1)}
}

// put sends a frame with a body of at most maxFragment bytes, which it copies.
// It reports whether the frame is on its way: not if cancel was closed first, answered
// had a value (which it puts back) or the connection is done. If wait is set it may write itself, and waits while too
// much is unwritten; else it does not block, as readers must not: two that wait
// for each other to read would wait forever.
func (w *writer) put(f *frame, body []byte, wait bool, cancel <-chan struct{}, answered chan struct{}) bool {
	w.mu.Lock()
	for wait && len(w.pending) >= maxPending {
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		select {
		case <-room:
		case <-cancel:
			return false
		case <-answered:
			answered <- struct{}{}
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
	w.pending = append(f.append(w.pending, len(body)), body...)
	if w.writing {
		w.mu.Unlock()
		return true
	}
	w.writing = true
	w.mu.Unlock()
	if wait {
		w.gather()
		if w.writeSome() {
			return true
		}
	}
	w.kick <- struct{}{}
	return true
}

// writeSome writes a batch as far as that needs no waiting. It reports whether all
// is written; if not the flusher is to be kicked.
func (w *writer) writeSome() bool {
	if w.try == nil {
		return false
	}
	w.take()
	w.rest = w.rest[w.try(w.rest):]
	return len(w.rest) == 0 && !w.more()
}

// add appends a frame that is written at the next push, and returns how many bytes
// are pending. It is for the lead, which pushes before it waits.
func (w *writer) add(f *frame, body []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.pending = append(f.append(w.pending, len(body)), body...)
	}
	return len(w.pending)
}

// push writes what is pending as far as that needs no waiting, leaves the rest to
// the flusher, and returns how many bytes are pending still.
func (w *writer) push() int {
	w.mu.Lock()
	n := len(w.pending)
	if w.writing || n == 0 {
		w.mu.Unlock()
		return n
	}
	w.writing = true
	w.mu.Unlock()
	if w.writeSome() {
		return 0
	}
	w.kick <- struct{}{}
	return w.backlog()
}

// flush writes what senders left, until the connection is done.
func (w *writer) flush() {
	for {
		select {
		case <-w.kick:
		case <-w.done:
			return
		}
		for {
			if len(w.rest) == 0 {
				w.gather()
				w.take()
				if w.try != nil {
					w.rest = w.rest[w.try(w.rest):]
				}
			}
			if len(w.rest) > 0 {
				if _, err := w.nc.Write(w.rest); err != nil {
					w.failed(err)
				}
			}
			if !w.more() {
				break
			}
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

// take makes what is pending the batch. Only who set writing may call it.
func (w *writer) take() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.bodies) > 0 {
		w.fragmentLocked()
	}
	w.batch, w.pending, w.spare = w.pending, w.spare[:0], nil
	w.rest = w.batch
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// more ends a batch and reports whether there is more to write. If not it gives
// up the right to write.
func (w *writer) more() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cap(w.batch) <= maxSpare {
		w.spare = w.batch
	}
	w.batch, w.rest = nil, nil
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

// stop refuses frames from now on: the connection is done.
func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

// trim drops what is kept for reuse.
func (w *writer) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = nil
}

// backlog returns how many bytes of frames are in no batch.
func (w *writer) backlog() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pending)
}

// drained returns a channel that is closed when all is written.
func (w *writer) drained() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.writing && len(w.pending) == 0 {
		c := make(chan struct{})
		close(c)
		return c
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	return w.idle
}
