package dmtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// OMS is the name of the OMS as the end of a link.
const OMS = "oms"

// A link is one way from a node to another.
type link struct{ from, to string }

// links are the ways between nodes, and what is wrong with them.
type links struct {
	mu     sync.Mutex
	delay  map[link]time.Duration
	cut    map[link]bool
	lose   map[link]int // answers to lose, the next ones
	jitter bool
	faults float64 // of answers that are lost
	rand   *rand.Rand
}

func newLinks(seed uint64) *links {
	return &links{
		delay: map[link]time.Duration{}, cut: map[link]bool{}, lose: map[link]int{},
		rand: rand.New(rand.NewPCG(seed, 1)),
	}
}

// pass takes a message from one node to another. It is lost where the way is cut.
func (l *links) pass(ctx context.Context, from, to string, answer bool) error {
	l.mu.Lock()
	way := link{from, to}
	d, lost := l.delay[way], l.cut[way]
	if l.jitter && d > 0 {
		d = time.Duration(l.rand.Int64N(2 * int64(d)))
	}
	if answer && from != to {
		if l.lose[way] > 0 {
			l.lose[way]--
			lost = true
		}
		lost = lost || l.rand.Float64() < l.faults
	}
	l.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return ctx.Err()
	}
	if lost {
		return abi.Errorf(abi.Unavailable, "no answer from %s to %s", from, to)
	}
	return nil
}

func (l *links) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// Delay sets how long a message takes between two nodes, one way.
func (cl *Cluster) Delay(a, b string, d time.Duration) {
	cl.net.set(func() { cl.net.delay[link{a, b}], cl.net.delay[link{b, a}] = d, d })
}

// rtt returns the delays there and back, as a kernel that measures would find them.
func (cl *Cluster) rtt(a, b string) (d time.Duration) {
	_, upA := cl.life(a)
	_, upB := cl.life(b)
	there, back := link{a, b}, link{b, a}
	cl.net.set(func() {
		if d = cl.net.delay[there] + cl.net.delay[back]; cl.net.cut[there] || cl.net.cut[back] || !upA || !upB {
			d = dms.Unmeasured
		}
	})
	return min(d, dms.Unmeasured)
}

// Jitter makes each message take from no time to twice its delay, so that messages
// overtake one another.
func (cl *Cluster) Jitter(on bool) { cl.net.set(func() { cl.net.jitter = on }) }

// Cut loses all that goes from one node to another, until Heal. What goes the
// other way arrives, but its answers are lost.
func (cl *Cluster) Cut(from, to string) { cl.net.set(func() { cl.net.cut[link{from, to}] = true }) }

// LoseAnswers loses the next n answers that go from one node to another: what they
// answer has been done.
func (cl *Cluster) LoseAnswers(from, to string, n int) {
	cl.net.set(func() { cl.net.lose[link{from, to}] = n })
}

// Lossy loses this part of all answers between nodes.
func (cl *Cluster) Lossy(part float64) { cl.net.set(func() { cl.net.faults = part }) }

// Heal undoes Cut, LoseAnswers and Lossy.
func (cl *Cluster) Heal() {
	cl.net.set(func() {
		clear(cl.net.cut)
		clear(cl.net.lose)
		cl.net.faults = 0
	})
}
