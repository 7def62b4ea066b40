package mux

// One goroutine at a time has the lead of a connection: it reads, and when several
// requests have come at once it carries them out itself, one after another, and
// writes their answers together. That saves most switches of goroutines and most
// writes, which are most of what a small call costs.
//
// A handler that waits, or takes long, must not hold up others. So the lead is taken
// from a goroutine that is inside a handler when the handler asks for its context's
// Done channel, which is how nearly all waiting begins, or when the watchdog finds
// that a batch takes long. Another goroutine goes on where it was. For some time
// after the watchdog has barked each request gets a goroutine of its own.

const (
	minApart = 64   // requests with a goroutine of their own after the watchdog has barked,
	maxApart = 4096 // twice as many each time
)

// lead reads and carries out requests until the connection is done or another
// goroutine has the lead.
func (c *Conn) lead() {
	for {
		for c.next < len(c.queue) {
			r := c.queue[c.next]
			c.queue[c.next] = nil
			c.next++
			if c.apart > 0 || len(c.queue) == 1 { // or there is nothing to save
				c.apart = max(c.apart-1, 0)
				c.work.run(task{c, r})
			} else if !c.inline(r) {
				c.w.push() // who leads now may have looked before the answer was there
				return
			}
		}
		c.queue, c.next = c.queue[:0], 0
		c.w.push()
		if err := c.fill(); err != nil {
			c.close(plain(err))
			for _, r := range c.queue { // which came before what was wrong
				c.work.run(task{c, r})
			}
			c.endRequests()
			close(c.ended)
			return
		}
	}
}

// inline carries r out. It reports whether this goroutine still has the lead.
func (c *Conn) inline(r *request) bool {
	c.running.Store(r)
	if !c.watched.Load() {
		c.work.dog.watch(c)
	}
	r.serve()
	if !c.running.CompareAndSwap(r, nil) {
		return false
	}
	if r.full {
		c.apart = max(c.apart, minApart)
	}
	return true
}

// leads reports whether the lead is inside r.
func (r *request) leads() bool { return r.c.running.Load() == r }

// yield has another goroutine go on with the lead if it is inside r.
func (r *request) yield() { r.c.pass(r, 0) }

// pass has another goroutine go on with the lead if it is inside r. The next
// requests, apart of them, get goroutines of their own.
func (c *Conn) pass(r *request, apart int) {
	if r == nil || !c.running.CompareAndSwap(r, nil) {
		return
	}
	c.apart = max(c.apart, apart)
	c.work.run(task{c, nil})
}
