package dmtest

import (
	"strings"
	"testing"
	"time"

	"amino.run/abi"
)

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func at(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

func write(n int, from, to float64, err error) Op {
	return Op{Client: "a", Method: "append", N: n, Err: err, Start: at(from), End: at(to)}
}

func read(from, to float64, saw ...int) Op {
	return Op{Client: "b", Method: "list", Saw: saw, Start: at(from), End: at(to)}
}

// A checker that never failed proves nothing: each history breaks one promise, and
// the same history is fine under a weaker one.
func TestViolations(t *testing.T) {
	undone := &abi.Error{Code: abi.Trap, State: abi.StateBefore}
	for name, c := range map[string]struct {
		ops    []Op
		losses []Loss
		lists  [][]int
		strict Promises
		want   string
		weak   *Promises // under which nothing is wrong, if there are such
	}{
		"stale read": {
			ops:  []Op{write(1, 0, 1, nil), read(2, 3)},
			want: "was answered, and later", weak: &Promises{Reads: Separate},
		},
		"a read goes back": {
			ops:  []Op{write(1, 0, 9, nil), read(1, 2, 1), read(3, 4)},
			want: "saw [1], and later", weak: &Promises{Reads: Separate},
		},
		"stale read of its own write": {
			ops:    []Op{write(1, 0, 1, nil), {Client: "a", Method: "list", Start: at(2), End: at(3)}},
			strict: Promises{Reads: Session}, want: "was answered, and later", weak: &Promises{Reads: Separate},
		},
		"a session goes back": {
			ops:    []Op{write(1, 0, 9, nil), read(1, 2, 1), read(3, 4)},
			strict: Promises{Reads: Session}, want: "saw [1], and later", weak: &Promises{Reads: Separate},
		},
		"another session reads a stale state": {
			ops:  []Op{write(1, 0, 1, nil), read(2, 3)},
			want: "was answered, and later", weak: &Promises{Reads: Session},
		},
		"another order": {
			ops:  []Op{write(1, 0, 1, nil), write(2, 0, 1, nil), read(2, 3, 1, 2), read(4, 5, 2, 1)},
			want: "saw [1 2], and later", weak: &Promises{Reads: Separate},
		},
		"ran twice": {
			ops:  []Op{write(1, 0, 1, nil), read(2, 3, 1, 1)},
			want: "has 1 twice", weak: &Promises{Twice: true},
		},
		"out of nowhere":        {ops: []Op{read(2, 3, 5)}, want: "has 5, which no one added"},
		"refused and run":       {ops: []Op{write(1, 0, 1, abi.ErrLeased), read(2, 3, 1)}, want: "says it did not run"},
		"undone and run":        {ops: []Op{write(1, 0, 1, undone), read(2, 3, 1)}, want: "says it did not run"},
		"an error without code": {ops: []Op{write(1, 0, 1, abi.ErrInternal)}, want: "without a code"},
		"lost at the end": {
			ops: []Op{write(1, 0, 1, nil)}, lists: [][]int{{}},
			want: "is nowhere at the end",
		},
		"lost more than it may": {
			ops:    []Op{write(1, 0, 1, nil), write(2, 1, 2, nil), write(3, 2, 3, nil), read(4, 5, 1, 2, 3), read(8, 9, 1)},
			losses: []Loss{{at(6), at(7)}},
			strict: Promises{Loses: 1}, want: "and later", weak: &Promises{Loses: 2},
		},
		"lost more than it may, unread": {
			ops:    []Op{write(1, 0, 1, nil), write(2, 1, 2, nil)},
			losses: []Loss{{at(6), at(7)}}, lists: [][]int{{}},
			strict: Promises{Loses: 1}, want: "2 answered writes are nowhere", weak: &Promises{Loses: 2},
		},
		"what was lost comes back": {
			ops:    []Op{write(1, 0, 1, nil), write(2, 4, 5, nil), read(2, 3, 1), read(6, 7, 2), read(8, 9, 1)},
			losses: []Loss{{at(3), at(10)}},
			strict: Promises{Loses: -1}, want: "and later", weak: &Promises{Loses: -1, Reads: Separate},
		},
		"a failed call remains": {
			ops:    []Op{write(1, 0, 1, abi.AppError("no")), read(2, 3, 1)},
			strict: Promises{Undoes: true}, want: "of a call that failed", weak: &Promises{},
		},
		"ran at two replicas": {
			ops: []Op{write(1, 0, 1, nil)}, lists: [][]int{{1}, {1}},
			strict: Promises{Reads: Separate}, want: "ran at two replicas", weak: &Promises{Reads: Separate, Twice: true},
		},
		"replicas that differ": {
			ops: []Op{write(1, 0, 1, nil)}, lists: [][]int{{1}, {}},
			strict: Promises{Same: true}, want: "replica 1", weak: &Promises{Helpers: true},
		},
		"only another replica has it": {
			ops: []Op{write(1, 0, 1, nil)}, lists: [][]int{{}, {1}},
			strict: Promises{Helpers: true}, want: "is nowhere at the end", weak: &Promises{},
		},
		"no beginning": {
			ops: []Op{write(1, 0, 1, nil), write(2, 0, 1, nil), read(2, 3, 2)}, lists: [][]int{{1, 2}},
			strict: Promises{Reads: Eventual}, want: "the primary has [1 2]", weak: &Promises{Reads: Separate},
		},
		"a beginning": {
			ops: []Op{write(1, 0, 1, nil), write(2, 0, 1, nil), read(2, 3, 1)}, lists: [][]int{{1, 2}},
			want: "was answered, and later", weak: &Promises{Reads: Eventual},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := &History{ops: c.ops, losses: c.losses}
			if got := strings.Join(h.Violations(c.strict, c.lists), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("found %q; want %q", got, c.want)
			}
			if c.weak == nil {
				return
			}
			if got := h.Violations(*c.weak, c.lists); len(got) > 0 {
				t.Errorf("nothing is wrong, and it found %q", got)
			}
		})
	}
}

// What may be lost, and what was saved before.
func TestSaved(t *testing.T) {
	h := &History{
		ops:    []Op{write(1, 0, 1, nil), {Method: "checkpoint", Start: at(2), End: at(3)}, write(2, 4, 5, nil)},
		losses: []Loss{{at(6), at(7)}},
	}
	p := Promises{Loses: -1}
	if got := h.Violations(p, [][]int{{1}}); len(got) > 0 {
		t.Errorf("what came after the checkpoint may be lost: %q", got)
	}
	if got := h.Violations(p, [][]int{{}}); len(got) != 1 || !strings.Contains(got[0], "append(1)") {
		t.Errorf("what came before it may not: %q", got)
	}
}

func TestFirstFew(t *testing.T) {
	if got := firstFew([]string{"a", "b", "c", "d", "e"}); len(got) != 4 || got[3] != "... and 2 more like it" {
		t.Errorf("%q", got)
	}
}
