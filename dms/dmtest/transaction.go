package dmtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// Transactions is a load of transactions, for Promises.Load: each caller now begins
// one, adds some numbers and reads, and commits it or rolls it back, and now makes a
// call outside. Rollback may be "". What all saw is checked for strict serializability.
func Transactions(begin, commit, rollback dms.Verb) func(r *Run, node string) {
	return func(r *Run, node string) {
		if r.pick(3) == 0 {
			r.one(node)
			return
		}
		ctx, cancel := context.WithTimeout(r.ctx, timeout)
		defer cancel()
		c := r.Client(node).As(fmt.Sprint("client", r.pick(2)))
		start := time.Now()
		if err := c.verb(ctx, begin); err != nil {
			return
		}
		var ops []Op
		tx, whole := r.Next(), true
		for range 1 + r.pick(3) {
			op := Op{Client: node, Method: "append", N: r.Next(), Tx: tx, Start: start}
			if r.pick(3) == 0 {
				op.Method, op.N = "list", 0
				op.Err = c.Do(ctx, &op.Saw, "list")
			} else {
				op.Err = c.Do(ctx, nil, "append", op.N, r.pick(50))
			}
			whole = whole && op.Err == nil
			ops = append(ops, op)
		}
		var end error
		switch {
		case whole && (rollback == "" || r.pick(4) > 0):
			end = r.commit(ctx, c, commit)
		case rollback != "":
			_ = c.verb(ctx, rollback) // or it runs out of time
			end = abi.ErrConflict
		default:
			end = abi.ErrConflict
		}
		for _, op := range ops {
			if op.End = time.Now(); op.writes() {
				op.Err = end
			}
			r.Note(op)
		}
	}
}

// commit commits until there is an answer.
func (r *Run) commit(ctx context.Context, c *Client, verb dms.Verb) error {
	for {
		err := c.verb(ctx, verb)
		if abi.CodeOf(err).Fate() != abi.Perhaps || ctx.Err() != nil {
			if abi.CodeOf(err).Fate() == abi.NotRun {
				err = abi.ErrConflict
			}
			return err
		}
		time.Sleep(rest)
	}
}

func (c *Client) verb(ctx context.Context, v dms.Verb) error {
	_, err := c.Call(ctx, dms.Call{Verb: v})
	return err
}

// whole: the numbers of a transaction are seen together, in their order, or none of
// them; and they follow what its own reads saw.
func (h *History) whole(ops, reads []Op, lists [][]int) (bad []string) {
	txs := map[int][]int{}
	for _, o := range ops {
		if o.Tx != 0 && o.writes() {
			txs[o.Tx] = append(txs[o.Tx], o.N)
		}
	}
	at := map[int]int{} // the transaction of a number
	for tx, ns := range txs {
		for _, n := range ns {
			at[n] = tx
		}
	}
	seen := slices.Clone(lists)
	for _, r := range reads {
		seen = append(seen, r.Saw)
	}
	before := map[int][]int{} // what was there when the transaction took effect
	for _, l := range seen {
		for i := 0; i < len(l); {
			ns := txs[at[l[i]]]
			if at[l[i]] == 0 {
				i++
				continue
			}
			if len(l) < i+len(ns) || !slices.Equal(l[i:i+len(ns)], ns) {
				bad = append(bad, fmt.Sprintf("a transaction that added %v was seen in part: %v", ns, tail(l)))
				break
			}
			before[at[l[i]]] = l[:i]
			i += len(ns)
		}
	}
	for _, o := range ops {
		if prefix, took := before[o.Tx]; o.Tx != 0 && took && o.Method == "list" && o.Err == nil {
			n := len(o.Saw)
			for n > 0 && at[o.Saw[n-1]] == o.Tx {
				n--
			}
			if !slices.Equal(o.Saw[:n], prefix) {
				bad = append(bad, fmt.Sprintf("a transaction read %v, and took effect after %v", tail(o.Saw), tail(prefix)))
			}
		}
	}
	return firstFew(bad)
}
