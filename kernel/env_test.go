package kernel

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A nested call carries who waits for it, and marks the guest as waiting.
func TestEnvNestedCall(t *testing.T) {
	var got []dms.Call
	var turn turn
	o := &outside{invoke: func(call dms.Call) ([]byte, error) {
		if !turn.parked {
			t.Error("the guest is not marked as waiting")
		}
		got = append(got, call)
		return []byte{7}, nil
	}}
	e := o.env(t.Context(), slog.New(slog.DiscardHandler))
	e.turn = &turn
	outer := dms.Call{ID: 5, Root: 2, Path: []string{"m7", "m8"}}
	turn.lock(t.Context(), outer.Root, true)
	e.begin(outer)
	out, err := e.Invoke(t.Context(), abi.Request{Kind: abi.Method, Target: "other", Name: "do", Args: []byte{0x80}})
	if err != nil || string(out) != "\x07" {
		t.Fatalf("Invoke = %x, %v", out, err)
	}
	if turn.parked {
		t.Error("the guest is still marked as waiting")
	}
	if c := got[0]; c.Method != "do" || c.Root != 2 || c.ID == 5 || !reflect.DeepEqual(c.Path, []string{"m7", "m8", "m1"}) {
		t.Errorf("got %+v", c)
	}
	if _, err := e.Invoke(t.Context(), abi.Request{Kind: abi.Verb, Target: "other", Name: "migrate"}); abi.CodeOf(err) != abi.UnknownVerb {
		t.Errorf("a verb that the other's chain does not know: %v", err)
	}
	if &got[0].Path[0] == &outer.Path[0] {
		t.Error("the path of one call is another's memory")
	}
}

// Verbs to itself wait for the end of the call, and are the host's own copy.
func TestEnvVerbsToItself(t *testing.T) {
	o := &outside{invoke: func(call dms.Call) ([]byte, error) { t.Errorf("left at once: %+v", call); return nil, nil }}
	e := o.env(t.Context(), slog.New(slog.DiscardHandler))
	e.begin(dms.Call{ID: 1})
	guestMemory := []byte{0x81, 1}
	if out, err := e.Invoke(t.Context(), abi.Request{Kind: abi.Verb, Target: "self", Name: "checkpoint", Args: guestMemory}); out != nil || err != nil {
		t.Fatalf("Invoke = %x, %v", out, err)
	}
	guestMemory[1] = 9
	later := e.end()
	if len(later) != 1 || later[0].Name != "checkpoint" || later[0].Args[1] != 1 {
		t.Errorf("later: %+v", later)
	}
	e.later = later // as if the call had ended in a panic
	e.begin(dms.Call{ID: 2})
	if later := e.end(); len(later) != 0 {
		t.Errorf("the next call has %+v", later)
	}
}

// Where no one would send them later, they are refused.
func TestEnvVerbsToItselfFromElsewhere(t *testing.T) {
	for name, set := range map[string]func(e *env){
		"constructor":  func(e *env) { e.begin(dms.Call{}) },
		"private copy": func(e *env) { e.begin(dms.Call{ID: 1}); e.replica = false },
	} {
		e := new(outside).env(t.Context(), slog.New(slog.DiscardHandler))
		set(e)
		if _, err := e.Invoke(t.Context(), abi.Request{Kind: abi.Verb, Target: "self", Name: "checkpoint"}); abi.CodeOf(err) != abi.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvFromWithinAGuest(t *testing.T) {
	var log testLog
	x, err := newGuest(t.Context(), compiled(t, conformance(t)), new(outside).env(t.Context(), log.logger()), &api.Group{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.close(errUnused)
	for _, c := range []struct {
		method string
		args   []any
		want   any
	}{
		{"whoami", nil, "self"},
		{"setting", []any{"colour"}, "red"},
		{"setting", []any{"size"}, nil},
		{"say", []any{"hello"}, nil},
	} {
		out, err := x.invoke(t.Context(), dms.Call{Method: c.method, Args: args(t, c.args...)})
		if err != nil {
			t.Errorf("%s%v: %v", c.method, c.args, err)
		}
		var got any
		if len(out) > 0 {
			if err := abi.Decode(out, &got); err != nil {
				t.Error(err)
			}
		}
		if got != c.want {
			t.Errorf("%s%v = %v, want %v", c.method, c.args, got, c.want)
		}
	}
	if line := log.String(); !strings.Contains(line, `level=INFO msg=hello microservice=self replica=m1/0`) {
		t.Errorf("logged %q", line)
	}
}

// levelLog notes the levels that are logged.
type levelLog struct {
	slog.Handler
	levels *[]slog.Level
}

func (l levelLog) Enabled(context.Context, slog.Level) bool { return true }

func (l levelLog) Handle(_ context.Context, r slog.Record) error {
	*l.levels = append(*l.levels, r.Level)
	return nil
}

func TestEnvLogLevels(t *testing.T) {
	var levels []slog.Level
	e := &env{log: slog.New(levelLog{slog.DiscardHandler, &levels})}
	for _, level := range []int{-7, 0, 1, 2, 3, 99} {
		e.Log(level, "x")
	}
	want := []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError}
	if !reflect.DeepEqual(levels, want) {
		t.Errorf("logged at %v, want %v", levels, want)
	}
}
