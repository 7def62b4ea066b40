package dmtest

import (
	"fmt"
	"slices"
	"time"

	"amino.run/abi"
)

// Violations returns what in the history breaks the promises, at most a few of each
// kind. lists are the replicas' numbers at the end.
func (h *History) Violations(p Promises, lists [][]int) (bad []string) {
	ops := h.Ops()
	if p.Helpers && len(lists) > 1 {
		lists = lists[:1]
	}
	reads := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return o.Method != "list" || o.Err != nil || o.Tx != 0 })
	bad = append(bad, h.errors(ops)...)
	bad = append(bad, h.traces(p, ops, reads, lists)...)
	if p.Reads == Linearizable || p.Reads == Session {
		for _, reads := range byShard(reads) {
			bad = append(bad, h.order(p, reads)...)
		}
	}
	if p.Reads == Eventual && len(lists) > 0 {
		bad = append(bad, h.beginnings(p, reads, lists[0])...)
	}
	bad = append(bad, h.whole(ops, reads, lists)...)
	bad = append(bad, h.missing(p, ops, reads, lists)...)
	return bad
}

// errors: every error is one that callers can tell from others.
func (h *History) errors(ops []Op) []string {
	return some("an error without a code of its own", ops, func(o Op) bool {
		return o.Err != nil && abi.CodeOf(o.Err) == abi.Internal
	})
}

// traces: a number that is seen was added by a call that may have run, once.
func (h *History) traces(p Promises, ops, reads []Op, lists [][]int) (bad []string) {
	ran := map[int]Op{}
	for _, o := range ops {
		if o.writes() {
			ran[o.N] = o
		}
	}
	look := func(what string, saw []int) {
		seen := map[int]bool{}
		for _, n := range saw {
			o, ok := ran[n]
			switch {
			case n < 0: // there from the beginning
			case !ok:
				bad = append(bad, fmt.Sprintf("%s has %d, which no one added", what, n))
			case o.fate() == abi.NotRun || o.fate() == abi.Undone || o.fate() == abi.RolledBack:
				bad = append(bad, fmt.Sprintf("%s has the number of a call that says it did not run: %v", what, o))
			case (p.Undoes || p.Traceless) && o.Err != nil && o.fate() == abi.Ran:
				bad = append(bad, fmt.Sprintf("%s has the number of a call that failed: %v", what, o))
			case seen[n] && !p.Twice:
				bad = append(bad, fmt.Sprintf("%s has %d twice: %v", what, n, o))
			}
			seen[n] = true
		}
	}
	for _, r := range reads {
		look("the read "+r.String(), r.Saw)
	}
	for i, l := range lists {
		look(fmt.Sprintf("replica %d", i), l)
		for _, n := range l { // a number is in two lists if one replica was copied from the other
			if len(h.losses) == 0 && !p.Twice && !p.Same && slices.ContainsFunc(lists[:i], func(l []int) bool { return slices.Contains(l, n) }) {
				bad = append(bad, fmt.Sprintf("ran at two replicas: %v", ran[n]))
			}
		}
	}
	for i, l := range lists {
		if p.Same && !slices.Equal(l, lists[0]) {
			bad = append(bad, fmt.Sprintf("replica 0 ends in %v, and replica %d in %v", tail(lists[0]), i, tail(l)))
		}
	}
	return firstFew(bad)
}

// byShard returns the reads as those of each shard, if the state is divided.
func byShard(reads []Op) [][]Op {
	if len(reads) == 0 || reads[0].parts == nil {
		return [][]Op{reads}
	}
	all := make([][]Op, len(reads[0].parts))
	for i := range all {
		for _, r := range reads {
			r.Saw = r.parts[i]
			all[i] = append(all[i], r)
		}
	}
	return all
}

// order: a read that begins after another has returned sees all that one saw, in
// that order, but for what losses between them may have taken; and no state that
// was lost comes back, so along no line of reads is more taken than there were
// losses.
func (h *History) order(p Promises, reads []Op) (bad []string) {
	taken := make([]int, len(reads)) // the most along a line of reads that ends here
	for i, later := range reads {
		for j, r := range reads[:i] {
			if !r.End.Before(later.Start) || !p.ordered(r, later) {
				continue
			}
			gone := len(r.Saw) - commonPrefix(r.Saw, later.Saw)
			taken[i] = max(taken[i], taken[j]+min(gone, 1))
			if !h.excused(p, gone, r.Start, later.End) || gone > 0 && taken[i] > h.lossesBetween(time.Time{}, later.End) {
				bad = append(bad, fmt.Sprintf("%v saw %v, and later %v saw %v", r, tail(r.Saw), later, tail(later.Saw)))
			}
		}
	}
	return firstFew(bad)
}

// beginnings: a read sees a beginning of what the primary holds at the end, but for what
// losses may have taken.
func (h *History) beginnings(p Promises, reads []Op, last []int) (bad []string) {
	for _, r := range reads {
		if gone := len(r.Saw) - commonPrefix(r.Saw, last); !h.excused(p, gone, r.Start, time.Now()) {
			bad = append(bad, fmt.Sprintf("%v saw %v, and the primary has %v at the end", r, tail(r.Saw), tail(last)))
		}
	}
	return firstFew(bad)
}

// missing: an answered write is seen by every read that begins later, and is there
// at the end, but for what losses may have taken.
func (h *History) missing(p Promises, ops, reads []Op, lists [][]int) (bad []string) {
	gone := 0
	saved := func(w Op, l Loss) bool { // by a checkpoint between the two
		return slices.ContainsFunc(ops, func(o Op) bool {
			return o.Method == "checkpoint" && o.Err == nil && w.End.Before(o.Start) && o.End.Before(l.Start)
		})
	}
	taken := func(w Op) bool {
		return slices.ContainsFunc(h.losses, func(l Loss) bool { return !l.End.Before(w.Start) && !saved(w, l) })
	}
	for _, w := range ops {
		if !w.writes() || w.Err != nil && (w.fate() != abi.Ran || p.Undoes || p.Traceless) {
			continue
		}
		if p.Reads == Linearizable || p.Reads == Session {
			for _, r := range reads {
				if w.End.Before(r.Start) && p.ordered(w, r) && !slices.Contains(r.Saw, w.N) && h.lossesBetween(w.Start, r.End) == 0 {
					bad = append(bad, fmt.Sprintf("%v was answered, and later %v saw %v", w, r, tail(r.Saw)))
				}
			}
		}
		there := slices.ContainsFunc(lists, func(l []int) bool { return slices.Contains(l, w.N) })
		if len(lists) == 0 || there || p.Sheds {
			continue
		}
		gone++
		if !taken(w) {
			bad = append(bad, fmt.Sprintf("%v was answered and is nowhere at the end", w))
		}
	}
	if most := p.Loses * len(h.losses); p.Loses >= 0 && gone > most {
		bad = append(bad, fmt.Sprintf("%d answered writes are nowhere at the end, and %d losses may take %d", gone, len(h.losses), most))
	}
	return firstFew(bad)
}

// ordered reports whether what an op saw or did must be seen by one that begins when
// it has ended.
func (p Promises) ordered(before, after Op) bool {
	return p.Reads == Linearizable || before.Client == after.Client
}

// excused reports whether losses in a time may have taken this many numbers.
func (h *History) excused(p Promises, gone int, from, to time.Time) bool {
	if gone == 0 {
		return true
	}
	n := h.lossesBetween(from, to)
	return n > 0 && (p.Loses < 0 || gone <= n*p.Loses)
}

func commonPrefix(a, b []int) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func tail(l []int) string {
	if len(l) > 12 {
		return fmt.Sprintf("...%v (%d)", l[len(l)-12:], len(l))
	}
	return fmt.Sprint(l)
}

func some(what string, ops []Op, is func(Op) bool) (bad []string) {
	for _, o := range ops {
		if is(o) {
			bad = append(bad, what+": "+o.String())
		}
	}
	return firstFew(bad)
}

func firstFew(bad []string) []string {
	if len(bad) > 3 {
		return append(bad[:3:3], fmt.Sprintf("... and %d more like it", len(bad)-3))
	}
	return bad
}
