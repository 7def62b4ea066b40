package mux

import "sync/atomic"

// maxParked is how many goroutines wait for work at most.
const maxParked = 1024

// A workers runs requests on goroutines that wait for the next one, because
// their stacks have grown already: a fresh goroutine would grow its own for
// each call. A goroutine is made when none waits, so a slow request never holds
// up another. Requests come from the streams' readers only.
type workers struct {
	tasks  chan *request
	parked atomic.Int32
}

func newWorkers() *workers { return &workers{tasks: make(chan *request)} }

// run serves r on a goroutine of its own.
func (w *workers) run(r *request) {
	select {
	case w.tasks <- r:
	default:
		go w.work(r)
	}
}

func (w *workers) work(r *request) {
	for r != nil {
		r.serve()
		if w.parked.Add(1) > maxParked {
			w.parked.Add(-1)
			return
		}
		r = <-w.tasks
		w.parked.Add(-1)
	}
}

// close ends the waiting goroutines; the others end with their request. No
// reader may run any more.
func (w *workers) close() { close(w.tasks) }
