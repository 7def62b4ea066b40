package host

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
)

// A world answers everything, and counts what it is asked.
type world struct {
	Alone
	times []int64
	fail  error
	asked int
}

func (w *world) Time(Clock, int64) int64 { w.asked++; return w.times[w.asked-1] }

func (w *world) Random(b []byte) {
	for i := range b {
		b[i] = byte(i)
	}
}

func (w *world) Self() Identity { return Identity{"guest", "m1/0", "n1"} }

func (w *world) Invoke(context.Context, abi.Request) ([]byte, error) {
	return []byte("an answer"), w.fail
}

var request = abi.Request{Kind: abi.Method, Target: "other", Name: "do", Args: []byte{0x80}}

// ask asks an Env for one of each, and returns what it was given.
func ask(e Env) (times []int64, given []any) {
	for _, c := range []Clock{Wall, Wall, Monotonic, Wall, Monotonic} {
		times = append(times, e.Time(c, 1))
	}
	b := make([]byte, 5)
	e.Random(b)
	v, err := e.Invoke(context.Background(), request)
	return times, []any{string(b), string(v), err, e.Self()}
}

func TestRecordRoundTrip(t *testing.T) {
	var r Record
	w := &world{times: []int64{1e18, 1e18 + 5, math.MaxInt64, 3, math.MinInt64}}
	p := &Recorder{Env: w}
	p.Begin(&r)
	times, given := ask(p)
	if err := p.End([]byte("out"), nil); err != nil {
		t.Fatal(err)
	}
	p.Begin(&r)
	p.Undone(&abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "unreachable"})
	w.asked, w.fail = 0, &abi.Error{Code: abi.Trap, State: abi.StateSnapshot, Msg: "no"}
	p.Begin(&r)
	ask(p)
	p.End(nil, abi.AppError("sorry"))

	again, err := ParseRecord(bytes.Clone(r.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	q := NewReplayer(Alone{}, again)
	if _, undone := q.Next(); undone {
		t.Fatal("the first call was not undone")
	}
	times2, given2 := ask(q)
	for k := range times {
		if times[k] != times2[k] || times[k] != w.times[k] {
			t.Errorf("time %d was %d, is %d", k, times[k], times2[k])
		}
	}
	for k := range given {
		if given[k] != given2[k] {
			t.Errorf("was %v, is %v", given[k], given2[k])
		}
	}
	if err := q.End([]byte("out"), nil); err != nil {
		t.Error(err)
	}
	if err := q.Rest(); abi.CodeOf(err) != abi.Internal {
		t.Errorf("with two calls left: %v", err)
	}
	undone, ok := q.Next()
	if e := abi.AsError(undone); !ok || *e != (abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "unreachable"}) {
		t.Errorf("the undone call is %v, %v", undone, ok)
	}
	q.Next()
	if _, given := ask(q); *given[2].(*abi.Error) != *w.fail.(*abi.Error) {
		t.Errorf("the error was %v, is %v", w.fail, given[2])
	}
	if err := errors.Join(q.End(nil, abi.AppError("sorry")), q.Rest()); err != nil {
		t.Error(err)
	}
	if q.Sleep(time.Hour) != 0 {
		t.Error("a replay sleeps")
	}
}

// What a guest is given is not kept without limit.
func TestRecordTooLarge(t *testing.T) {
	var r Record
	p := &Recorder{Env: &world{}}
	p.Begin(&r)
	b := make([]byte, MaxRecord/3)
	for range 4 {
		p.Random(b)
		p.Self()
	}
	if err := p.End(nil, nil); abi.CodeOf(err) != abi.MemoryLimit || len(r.Bytes()) > 0 || cap(r.b) > 0 {
		t.Errorf("%v, %d bytes", err, cap(r.b))
	}
	p.Begin(&r)
	p.Random(b)
	if err := p.End(nil, nil); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestParseRecordRefuses(t *testing.T) {
	for name, c := range map[string]struct{ b, says string }{
		"no kind":            {"\x63", "item 1: there is no such kind"},
		"no end":             {"\x03\x01x", "item 1: its last call has no end"},
		"a time cut short":   {"\x01\x80", "item 1: it ends too early"},
		"bytes cut short":    {"\x07\x00\x00\x00\x00\x03\x05x", "item 2: it ends too early"},
		"a length too large": {"\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", "item 1: it ends too early"},
		"a name cut short":   {"\x04\x01a\x01b", "item 1: it ends too early"},
		"a sum cut short":    {"\x07\x00\x00\x00", "item 1: it ends too early"},
		"an error cut short": {"\x06\x00\x00\x00\x00\x0c", "item 1: it ends too early"},
		"ends and is undone": {"\x03\x01x\x08\x0c\x01\x00", "item 2: a call ends and is undone"},
	} {
		if _, err := ParseRecord([]byte(c.b)); abi.CodeOf(err) != abi.Storage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := ParseRecord(nil); err != nil || len(r.Bytes()) > 0 {
		t.Errorf("the empty record: %v", err)
	}
}

func FuzzParseRecord(f *testing.F) {
	var r Record
	p := &Recorder{Env: &world{times: []int64{5, 4, 3, 2, 1}}}
	p.Begin(&r)
	ask(p)
	p.End(nil, nil)
	p.Begin(&r)
	p.Undone(abi.ErrTrap)
	f.Add(r.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			if abi.CodeOf(err) != abi.Storage {
				t.Errorf("%v", err)
			}
			return
		}
		// What was parsed can be read to its end without a fault.
		p := NewReplayer(Alone{}, r)
		for len(p.items.b) > 0 {
			if _, err := p.items.next(); err != nil {
				t.Fatalf("it was parsed, and has a fault: %v", err)
			}
		}
	})
}
