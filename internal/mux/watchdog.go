package mux

import (
	"slices"
	"sync"
	"time"
)

const (
	watchTick = 500 * time.Microsecond
	calmTicks = 10 // without work from which a connection is left alone
)

// A watchdog takes the lead from goroutines that have carried out requests of one
// batch for longer than a tick. It runs only while there are such. It is safe for
// concurrent use.
type watchdog struct {
	mu    sync.Mutex
	timer *time.Timer // runs look; nil until needed
	conns []*watched
}

// A watched is a connection and what the watchdog saw of it last.
type watched struct {
	c     *Conn
	batch uint64
	calm  int // looks since it last carried something out
	apart int // how many requests go apart after the next bark
}

// watch has the watchdog look after c.
func (d *watchdog) watch(c *Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.watched.Swap(true) {
		return
	}
	d.conns = append(d.conns, &watched{c: c, apart: minApart})
	switch {
	case len(d.conns) > 1: // it runs
	case d.timer == nil:
		d.timer = time.AfterFunc(watchTick, d.look)
	default:
		d.timer.Reset(watchTick)
	}
}

// look looks after all connections, for as long as there are any.
func (d *watchdog) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = slices.DeleteFunc(d.conns, (*watched).look)
	if len(d.conns) > 0 {
		d.timer.Reset(watchTick)
	}
}

// look passes the lead of a connection on if its batch was there at the last look.
// It reports whether the connection may be left alone.
func (w *watched) look() bool {
	r, batch := w.c.running.Load(), w.c.batch.Load()
	if r == nil {
		if w.calm++; w.calm < calmTicks {
			return false
		}
		w.c.watched.Store(false)
		return w.c.running.Load() == nil || w.c.watched.Swap(true)
	}
	w.calm = 0
	if batch != w.batch {
		w.batch, w.apart = batch, max(w.apart/2, minApart)
		return false
	}
	w.c.pass(r, w.apart)
	w.apart = min(2*w.apart, maxApart)
	return false
}
