package dmtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// An Op is one call of a List in a history.
type Op struct {
	Client     string
	Method     string
	Tx         int     // the transaction it was part of; 0 is none
	N          int     // appended
	Saw        []int   // answered by list
	parts      [][]int // the same, as each shard answered
	Err        error
	Start, End time.Time
}

func (o Op) String() string {
	at := func(t time.Time) string {
		return fmt.Sprintf("%d:%06.3f", t.Minute(), float64(t.Second())+float64(t.Nanosecond())/1e9)
	}
	s := fmt.Sprintf("%s-%s %s %s(%d)", at(o.Start), at(o.End), o.Client, o.Method, o.N)
	if o.Err != nil {
		return s + ": " + o.Err.Error()
	}
	return s
}

// writes reports whether the op may have added its number if it ran.
func (o Op) writes() bool { return o.Method == "append" || o.Method == "fail" || o.Method == "trap" }

// fate returns what the op's error says of it.
func (o Op) fate() abi.Fate { return abi.CodeOf(o.Err).Fate() }

// A Loss is a time in which what was answered before may be lost: a failure of the
// node, or a call whose failure takes others along.
type Loss struct{ Start, End time.Time }

// A History is what all callers did and saw, and what happened to the cluster. It
// may be added to by many goroutines at once.
type History struct {
	mu     sync.Mutex
	ops    []Op
	losses []Loss
	n      int
}

// Next returns a number that no other op of the history adds.
func (h *History) Next() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	return h.n
}

// Lose notes that what was answered before may be lost in this time.
func (h *History) Lose(start, end time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.losses = append(h.losses, Loss{start, end})
}

// Do calls a method of c's List and adds it to the history.
func (h *History) Do(ctx context.Context, c *Client, method string, args ...any) Op {
	op := Op{Client: c.node.ID, Method: method, Start: time.Now()}
	if len(args) > 0 {
		op.N, _ = args[0].(int)
	}
	switch method {
	case "list":
		var answer abi.Raw
		if op.Err = c.Do(ctx, &answer, method, args...); op.Err == nil {
			op.Err = op.look(answer)
		}
	default:
		op.Err = c.Do(ctx, nil, method, args...)
	}
	op.End = time.Now()
	h.Note(op)
	return op
}

// Note adds an op to the history.
func (h *History) Note(op Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// look takes the answer of list: numbers, or those of each shard.
func (o *Op) look(answer abi.Raw) error {
	if abi.Decode(answer, &o.Saw) == nil {
		return nil
	}
	if err := abi.Decode(answer, &o.parts); err != nil {
		return err
	}
	o.Saw = slices.Concat(o.parts...)
	return nil
}

// verb calls a verb and adds it to the history.
func (h *History) verb(ctx context.Context, c *Client, v dms.Verb) {
	op := Op{Client: c.node.ID, Method: string(v), Start: time.Now()}
	op.Err = c.verb(ctx, v)
	op.End = time.Now()
	h.Note(op)
}

// Ops returns the ops in the order in which they ended.
func (h *History) Ops() []Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ops)
}

// lossesBetween counts the losses that touch the time between two points.
func (h *History) lossesBetween(from, to time.Time) (n int) {
	for _, l := range h.losses {
		if !l.End.Before(from) && !to.Before(l.Start) {
			n++
		}
	}
	return n
}
