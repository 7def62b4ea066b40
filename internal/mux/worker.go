package mux

import "sync/atomic"

// maxParked is how many goroutines wait for work at most.
const maxParked = 1024

// A task is a request to serve, or, without one, a connection to lead.
type task struct {
	c *Conn
	r *request
}

func (t task) do() {
	if t.r != nil {
		t.r.serve()
		return
	}
	t.c.lead()
}

// A workers does tasks on goroutines that wait for the next one, because their
// stacks have grown already: a fresh goroutine would grow its own for each call. A
// goroutine is made when none waits, so a slow task never holds up another.
type workers struct {
	tasks  chan task
	parked atomic.Int32
	dog    watchdog
}

func newWorkers() *workers { return &workers{tasks: make(chan task)} }

// run does t on a goroutine of its own.
func (w *workers) run(t task) {
	select {
	case w.tasks <- t:
	default:
		go w.work(t)
	}
}

func (w *workers) work(t task) {
	for ok := true; ok; {
		t.do()
		if w.parked.Add(1) > maxParked {
			w.parked.Add(-1)
			return
		}
		t, ok = <-w.tasks
		w.parked.Add(-1)
	}
}

// close ends the waiting goroutines; the others end with their task. The
// connections are done.
func (w *workers) close() { close(w.tasks) }
