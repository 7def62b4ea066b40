package dms

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"amino.run/abi"
)

// A tally runs calls and counts how often each ran.
type tally struct {
	Answers
	ran  map[uint64]int
	fail error
	size int
}

func (y *tally) call(from string, id uint64) (string, error) {
	out, err := y.Once(context.Background(), Call{ID: id, From: Node{ID: from}}, func(_ context.Context, call Call) ([]byte, error) {
		y.ran[call.ID]++
		return append(fmt.Append(nil, call.ID), make([]byte, y.size)...), y.fail
	})
	return string(out), err
}

func newTally() *tally { return &tally{ran: map[uint64]int{}} }

func TestAnswersRunACallOnce(t *testing.T) {
	y := newTally()
	for range 3 {
		if out, err := y.call("a", 7); out != "7" || err != nil {
			t.Errorf("%q, %v", out, err)
		}
	}
	y.fail = abi.AppError("no")
	for range 2 {
		if _, err := y.call("a", 8); !errors.Is(err, y.fail) || err.Error() != "no" {
			t.Errorf("an error of the application is an answer, not %v", err)
		}
	}
	if y.ran[7] != 1 || y.ran[8] != 1 {
		t.Errorf("ran %v", y.ran)
	}
}

// What was undone or did not run, runs when it comes again.
func TestAnswersOfWhatLeftNoTrace(t *testing.T) {
	for _, err := range []error{abi.ErrTrap, abi.ErrOverloaded} {
		y := newTally()
		y.fail = err
		y.call("a", 7)
		y.fail = nil
		if _, err := y.call("a", 7); err != nil || y.ran[7] != 2 {
			t.Errorf("%v, ran %v", err, y.ran)
		}
	}
	y := newTally()
	y.fail = abi.ErrUnavailable // of a call that it made: it may have changed something
	y.call("a", 7)
	y.call("a", 7)
	if y.ran[7] != 1 {
		t.Errorf("ran %v", y.ran)
	}
}

func TestAnswersPass(t *testing.T) {
	var a Answers
	for _, call := range []Call{{ID: 1, ReadOnly: true}, {ID: 1, Verb: Replace}} {
		ran := 0
		for range 2 {
			a.Once(context.Background(), call, func(context.Context, Call) ([]byte, error) { ran++; return nil, nil })
		}
		if ran != 2 {
			t.Errorf("%+v ran %d times", call, ran)
		}
	}
}

// However much is forgotten, no call runs twice; and a new one always runs.
func TestAnswersForget(t *testing.T) {
	for name, c := range map[string]struct{ calls, size int }{
		"many":  {3 * maxAnswers, 0},
		"large": {40, maxAnswerBytes / 10},
		"huge":  {3, 2 * maxAnswerBytes},
	} {
		t.Run(name, func(t *testing.T) {
			y := newTally()
			y.size = c.size
			other := uint64(9) << idsPerLife
			y.call("b", other)
			for id := range uint64(c.calls) {
				if _, err := y.call("a", id+1); err != nil {
					t.Fatalf("call %d: %v", id, err)
				}
				if n := len(y.order) - y.head; n > maxAnswers || y.Answers.size > maxAnswerBytes && n > 1 {
					t.Fatalf("remembers %d calls in %d bytes", n, y.Answers.size)
				}
			}
			_, err := y.call("a", 1)
			if !errors.Is(err, abi.ErrUnavailable) {
				t.Errorf("a forgotten call: %v", err)
			}
			if _, err := y.call("b", other); !errors.Is(err, abi.ErrUnavailable) {
				t.Errorf("another caller's forgotten call: %v", err)
			}
			y.call("a", uint64(c.calls))
			if _, err := y.call("a", other); err != nil {
				t.Errorf("the node's next life, whose IDs begin elsewhere: %v", err)
			}
			if _, err := y.call("c", 1); err != nil {
				t.Errorf("a new caller: %v", err)
			}
			for id, n := range y.ran {
				if n != 1 && id != 1 && id != other { // as another caller's
					t.Errorf("call %d ran %d times", id, n)
				}
			}
		})
	}
}

// A call that was long on its way runs if none of its caller's that came after it is
// forgotten.
func TestAnswersLateCall(t *testing.T) {
	y := newTally()
	for id := range uint64(maxAnswers - 1) {
		y.call("a", 100+id)
	}
	if _, err := y.call("a", 5); err != nil {
		t.Error(err)
	}
	y.call("a", 2*maxAnswers) // the first is forgotten
	if _, err := y.call("a", 6); !errors.Is(err, abi.ErrUnavailable) || y.ran[6] != 0 {
		t.Errorf("%v, ran %v", err, y.ran[6])
	}
	if _, err := y.call("a", 5); err != nil || y.ran[5] != 1 {
		t.Errorf("%v, ran %d times: it is remembered, older than what is forgotten though it is", err, y.ran[5])
	}
}

func TestAnswersAreKept(t *testing.T) {
	y := newTally()
	y.fail = abi.AppError("no")
	y.call("a", 1)
	y.fail = nil
	for id := range uint64(maxAnswers) {
		y.call("a", 2+id)
	}
	b, err := abi.Encode(&y.Answers)
	if err != nil {
		t.Fatal(err)
	}
	z := newTally()
	if err := abi.Decode(b, &z.Answers); err != nil {
		t.Fatal(err)
	}
	if _, err := z.call("a", 1); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("forgotten: %v", err)
	}
	if out, err := z.call("a", 2); out != "2" || err != nil || z.ran[2] != 0 {
		t.Errorf("remembered: %q, %v, ran %v", out, err, z.ran)
	}
	again, err := abi.Encode(&z.Answers)
	if err != nil || string(again) != string(b) {
		t.Errorf("not the same when kept again: %v", err)
	}
	var empty Answers
	if b, err = abi.Encode(&empty); err != nil || abi.Decode(b, &empty) != nil {
		t.Errorf("%v", err)
	}
	if _, err := (&tally{Answers: empty, ran: map[uint64]int{}}).call("a", 1); err != nil {
		t.Error(err)
	}
}
