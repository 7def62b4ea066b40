package raftlog

import (
	"context"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"

	"amino.run/abi"
)

// A task is committed entries for the machine to carry out, or a checkpoint of the
// leader's to go on from.
type task struct {
	entries []*pb.Entry
	install *checkpoint
	then    []*pb.Message
}

// kick has the applier look. mu is held.
func (l *Log) kick() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// applier brings the machine to where the log is.
func (l *Log) applier() {
	for {
		select {
		case <-l.kicked:
		case <-l.ctx.Done():
			return
		}
		for l.work() {
			if err := l.cfg.Turn.Lock(l.ctx, 0, false); err != nil {
				return
			}
			err := l.applyNext()
			l.cfg.Turn.Unlock()
			if err != nil {
				l.mu.Lock()
				l.fail(err)
				l.mu.Unlock()
				return
			}
		}
	}
}

// work reports whether there is something to do. If not, calls may be let in.
func (l *Log) work() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && (l.dirty || len(l.tasks) > 0) {
		return true
	}
	if l.running {
		l.serve()
		l.checkpoint()
	}
	l.advance()
	return false
}

// applyNext goes back, if the machine ran ahead, or carries out the next task. The
// turn is held.
func (l *Log) applyNext() error {
	l.mu.Lock()
	var t task
	if len(l.tasks) > 0 {
		t = l.tasks[0]
	}
	dirty, from := l.dirty && t.install == nil, l.applied
	if !dirty {
		l.tasks, l.busy = l.tasks[1:], true
	}
	l.mu.Unlock()
	switch {
	case t.install != nil:
		if err := l.cfg.Machine.Restore(l.ctx, t.install.state); err != nil {
			return fmt.Errorf("put back the leader's state: %w", err)
		}
		l.finished(t.install.index, 0, t)
		return nil
	case dirty:
		return l.goBack()
	}
	calls := 0
	for _, e := range t.entries {
		if e.GetIndex() <= from {
			continue
		}
		n, err := l.replay(e)
		if err != nil {
			return err
		}
		calls += n
	}
	l.finished(t.entries[len(t.entries)-1].GetIndex(), calls, t)
	return nil
}

// finished notes that the machine is after a task's last entry.
func (l *Log) finished(index uint64, calls int, t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applied = max(l.applied, index)
	if t.install != nil {
		l.dirty = false
	}
	l.grown.calls += calls
	l.busy = false
	l.steps = append(l.steps, t.then...)
	l.advance()
}

// goBack puts the last checkpoint back and carries out what was applied since.
func (l *Log) goBack() error {
	l.mu.Lock()
	base, to := l.base, l.applied
	var entries []*pb.Entry
	var err error
	if to > base.index {
		entries, err = l.mem.Entries(base.index+1, to+1, 1<<62)
	}
	l.mu.Unlock()
	if err != nil {
		return abi.Errorf(abi.Internal, "the log since the last checkpoint is gone: %v", err)
	}
	if err := l.cfg.Machine.Restore(l.ctx, base.state); err != nil {
		return fmt.Errorf("put back the last checkpoint: %w", err)
	}
	for _, e := range entries {
		if _, err := l.replay(e); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = false
	return nil
}

// replay carries out the calls of an entry and returns how many there are.
func (l *Log) replay(e *pb.Entry) (calls int, err error) {
	if !isCalls(e) {
		return 0, nil
	}
	for b := e.GetData(); len(b) > 0; calls++ {
		call, record, rest, err := nextCall(b)
		if err == nil {
			err = l.cfg.Machine.Replay(context.WithoutCancel(l.ctx), call, record)
		}
		if err != nil {
			return 0, fmt.Errorf("call %x in entry %d of the log: %w", call.ID, e.GetIndex(), err)
		}
		b = rest
	}
	return calls, nil
}

// installed makes a checkpoint that came from the leader the last one. Entries that
// wait to be applied come before it. mu is held.
func (l *Log) installed(c *checkpoint) {
	t := task{install: c}
	for _, old := range l.tasks {
		t.then = append(t.then, old.then...)
	}
	l.tasks = []task{t}
	l.base, l.grown = *c, size{}
	l.conf = []confAt{{c.index, c.conf}}
	l.kick()
}
