package mux

import "slices"

// An outBody is a body that is sent in fragments.
type outBody struct {
	head  frame    // the first frame's
	next  kind     // the following frames'
	parts [][]byte // what is still to be sent
	left  int      // bytes in parts
	begun bool
	last  func()        // called before the last fragment is sent; may be nil
	sent  chan struct{} // closed when the last fragment is in a batch
}

// putBody sends a body in fragments and returns when it is on its way, cancel
// is closed, answered has a value (which it puts back) or the stream is done;
// the parts are free to reuse then. It reports whether any of the body was sent
// and whether all was.
func (w *writer) putBody(b *outBody, cancel <-chan struct{}, answered chan struct{}) (begun, all bool) {
	b.left, b.sent = b.head.total, make(chan struct{})
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

// fragmentLocked appends the next fragment of the first body in line and sends
// the body to the end of the line.
func (w *writer) fragmentLocked() {
	o := w.bodies[0]
	w.bodies = append(w.bodies[:0], w.bodies[1:]...)
	n := min(o.left, maxFragment)
	o.left -= n
	if o.left == 0 && o.last != nil {
		o.last()
	}
	f := frame{kind: o.next, id: o.head.id}
	if !o.begun {
		f, o.begun = o.head, true
	}
	w.pending = f.append(slices.Grow(w.pending, maxHead+n), n)
	for n > 0 {
		k := min(n, len(o.parts[0]))
		w.pending = append(w.pending, o.parts[0][:k]...)
		if o.parts[0], n = o.parts[0][k:], n-k; len(o.parts[0]) == 0 {
			o.parts = o.parts[1:]
		}
	}
	if o.left == 0 {
		close(o.sent)
		return
	}
	w.bodies = append(w.bodies, o)
}
