package scalability

import (
	"sync"
	"time"
)

// A load is what a replica has done in an interval.
type load struct {
	Mean          float64 // calls at once, on average
	Came, Refused int
}

// A meter knows how many calls are running, and how long calls ran in all.
type meter struct {
	mu      sync.Mutex
	running int
	now     load
	busy    time.Duration
	since   time.Time // busy is up to then
}

// note adds calls to those that run, and returns how many run.
func (m *meter) note(begun, ended, refused int) (running int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.busy += time.Duration(m.running) * now.Sub(m.since)
	m.since = now
	m.running += begun - ended
	m.now.Came += begun
	m.now.Refused += refused
	return m.running
}

// take returns the load since it was last taken, d ago.
func (m *meter) take(d time.Duration) load {
	m.note(0, 0, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.now
	l.Mean = m.busy.Seconds() / d.Seconds()
	m.now, m.busy = load{}, 0
	return l
}
