package raftlog

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Bounds say how far the log may grow before a checkpoint: by how many calls or by
// how many bytes. Zero values mean the defaults. So a replica that starts again reads
// its state and no more calls than that, however many there were.
type Bounds struct{ Calls, Bytes int }

// Defaults of Bounds.
const (
	DefaultCalls = 8 << 10
	DefaultBytes = 4 << 20
)

// tail is how many entries before the checkpoint stay in memory, for replicas that
// lag a little.
const tail = 256

// A size is that of a part of the log.
type size struct{ calls, bytes int }

// checkpoint begins one if the log has grown enough. A checkpoint takes at most a
// tenth of the time, however large the state is. mu is held.
func (l *Log) checkpoint() {
	b := l.cfg.Bounds
	if b.Calls == 0 {
		b.Calls = DefaultCalls
	}
	if b.Bytes == 0 {
		b.Bytes = DefaultBytes
	}
	if l.saving || l.err != nil || !l.running || l.grown.calls < b.Calls && l.grown.bytes < b.Bytes || time.Since(l.saved) < 9*l.took {
		return
	}
	l.saving = true
	l.wg.Go(func() {
		start := time.Now()
		c, err := l.captureNow()
		if err == nil && c != nil {
			l.save(c)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil && l.ctx.Err() == nil {
			l.fail(err)
		}
		l.saving, l.saved, l.took = false, time.Now(), time.Since(start)
		l.tell()
	})
}

// captureNow captures the machine between two calls, and returns the checkpoint when
// all that is in it is committed; nil if it is not going to be.
func (l *Log) captureNow() (*checkpoint, error) {
	if err := l.cfg.Turn.Lock(l.ctx, 0, false); err != nil {
		return nil, nil
	}
	l.mu.Lock()
	if l.lead != nil && l.lead.serving && l.pending != nil {
		l.cut()
		l.advance()
	}
	c := &checkpoint{grown: l.grown}
	r, b, at, busy := l.lead, l.newest(), l.applied, l.dirty || l.err != nil
	if r != nil && r.serving {
		at = l.last
	}
	l.mu.Unlock()
	if busy {
		l.cfg.Turn.Unlock()
		return nil, nil
	}
	var err error
	c.state, err = l.cfg.Machine.Capture(l.ctx)
	l.cfg.Turn.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case <-b.done:
	case <-l.ctx.Done():
		return nil, nil
	}
	if b.err != nil {
		return nil, nil
	}
	if err := l.await(l.ctx, func() bool { return l.applied >= at || l.lead != r }); err != nil {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.applied < at || at <= l.base.index {
		return nil, nil
	}
	c.index, c.conf = at, l.confAt(at)
	c.term, err = l.mem.Term(at)
	return c, err
}

// save writes a checkpoint, and drops the entries it stands for.
func (l *Log) save(c *checkpoint) {
	err := l.cfg.Disk.sync(func(b *pebble.Batch) error {
		if c.index <= l.diskIndex { // the leader's has come meanwhile
			return nil
		}
		old, from := l.onDisk, l.diskIndex
		l.onDisk, l.diskIndex = c.state, c.index
		return c.put(b, l.cfg.Name, &old, from)
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil || c.index <= l.base.index:
		return
	case err != nil:
		l.fail(err)
		return
	}
	l.base = *c
	for len(l.conf) > 1 && l.conf[1].index <= c.index {
		l.conf = l.conf[1:]
	}
	l.grown.calls -= c.grown.calls
	l.grown.bytes -= c.grown.bytes
	if first, err := l.mem.FirstIndex(); err == nil && c.index > first+2*tail {
		_ = l.mem.Compact(c.index - tail) // fails where it was done already
	}
}

// fillSnapshot writes a checkpoint of the leader's in place of the log, whose last
// entry is given.
func (l *Log) fillSnapshot(b *pebble.Batch, c *checkpoint, last uint64) error {
	old, from := l.onDisk, l.diskIndex
	l.onDisk, l.diskIndex = c.state, c.index
	if err := c.put(b, l.cfg.Name, &old, from); err != nil {
		return err
	}
	return b.DeleteRange(entryKey(l.cfg.Name, c.index+1), entryKey(l.cfg.Name, max(last, c.index)+1), nil)
}
