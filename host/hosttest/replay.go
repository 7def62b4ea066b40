package hosttest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
)

// A stage is the world of a guest that changes between calls.
type stage struct{ host.Env }

// Replays makes the calls of a workload from img in env, and makes them again on another
// instance from their record: answers and states are the same, and the world is left
// in peace.
func Replays(t *testing.T, m host.Module, img *host.Image, env host.Env, work []Call) *host.Record {
	t.Helper()
	record, want, answers := recorded(t, m, img, env, work)
	again, err := host.ParseRecord(record.Clone().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	quiet := &Env{OnInvoke: func(_ context.Context, r abi.Request) ([]byte, error) {
		t.Errorf("the replay calls %s.%s", r.Target, r.Name)
		return nil, nil
	}, Settings: settings}
	p := host.NewReplayer(quiet, again)
	there, err := host.ParseImage(img.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	i := Start(t, m, host.Config{Env: p}, there)
	for k, c := range work {
		if undone, ok := p.Next(); ok {
			if undone.Error() != answers[k].Error() {
				t.Errorf("call %d, %s, was undone by %q, says the record, not by %q", k, c.Method, undone, answers[k])
			}
			continue
		}
		out, err := i.Invoke(context.Background(), abi.Method, 0, c.Method, c.Args)
		if err := p.End(out, err); err != nil {
			t.Fatalf("call %d, %s: %v", k, c.Method, err)
		}
	}
	if err := p.Rest(); err != nil {
		t.Error(err)
	}
	if got := snapshot(t, i).Digest(); got != want {
		t.Errorf("the replay led to %.12s, not to %.12s", got, want)
	}
	if lines := quiet.Lines(); len(lines) > 0 {
		t.Errorf("the replay logged %q", lines)
	}
	return record
}

// settings is the configuration of guests that are replayed: the same everywhere.
var settings = map[string]string{"color": "red"}

// recorded returns the record of a workload, the digest of the state it leads to, and the
// errors of the calls.
func recorded(t *testing.T, m host.Module, img *host.Image, env host.Env, work []Call) (*host.Record, string, []error) {
	t.Helper()
	ctx := context.Background()
	var record host.Record
	r := &host.Recorder{Env: env}
	i := Start(t, m, host.Config{Env: r}, img)
	errs := make([]error, len(work))
	for k, c := range work {
		before := snapshot(t, i)
		r.Begin(&record)
		var out []byte
		out, errs[k] = i.Invoke(ctx, abi.Method, 0, c.Method, c.Args)
		if i.Failed() {
			r.Undone(errs[k])
			restore(t, i, before)
		} else if err := r.End(out, errs[k]); err != nil {
			t.Fatal(err)
		}
	}
	return &record, snapshot(t, i).Digest(), errs
}

func replay(t *testing.T, r *room) {
	yes := &Env{Settings: settings, OnInvoke: func(_ context.Context, r abi.Request) ([]byte, error) {
		if r.Name == "no" {
			return nil, &abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "it trapped"}
		}
		return []byte{0x63, 'y', 'e', 's'}, nil
	}}
	asks := []Call{
		{"c", nil}, {"m", nil}, {"R", nil}, {"W", nil}, {"i", request(abi.Method, "other", "yes")}, {"v", []byte("color")},
		{"i", request(abi.Verb, "other", "no")}, {"m", nil}, {"t", nil}, {"g", nil}, {"L", []byte("a line")}, {"P", []byte("a part")},
		{"E", nil}, {"I", request(abi.Method, "other", "yes")}, {"R", nil}, {"i", []byte("no request")}, {"c", nil},
	}
	img := snapshot(t, r.start(t, host.Limits{}))
	Replays(t, r.module, img, yes, asks)
	if want := []string{"2 a line", "1 a part"}; strings.Join(yes.Lines(), ",") != strings.Join(want, ",") {
		t.Errorf("recording logged %q", yes.Lines())
	}

	for name, c := range map[string]struct {
		recorded, replayed Call
		says               string
	}{
		"something else":  {Call{"m", nil}, Call{"R", nil}, "item 1: there is the monotonic clock where the guest has random bytes"},
		"more":            {Call{"c", nil}, Call{"R", nil}, "item 1: there is the end of its call where the guest has random bytes"},
		"less":            {Call{"R", nil}, Call{"n", nil}, "item 1: there is random bytes where the guest has the end of its call"},
		"another method":  {Call{"i", request(abi.Method, "other", "yes")}, Call{"i", request(abi.Method, "other", "yet")}, "item 1: the guest calls other.yet"},
		"other arguments": {Call{"i", request(abi.Method, "other", "yes")}, Call{"i", request(abi.Method, "other", "yes", 1)}, "item 1: the guest calls other.yes"},
		"another answer":  {Call{"c", nil}, Call{"n", nil}, "item 1: its answer is another"},
	} {
		record, _, _ := recorded(t, r.module, img, yes, []Call{c.recorded})
		p := host.NewReplayer(&Env{}, record)
		i := Start(t, r.module, host.Config{Env: p}, img)
		out, err := i.Invoke(context.Background(), abi.Method, 0, c.replayed.Method, c.replayed.Args)
		if !i.Failed() {
			err = p.End(out, err)
		}
		if abi.CodeOf(err) != abi.Internal || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// clockGoesOn is what a replay does to the clock: the guest never sees it run back.
func clockGoesOn(t *testing.T, r *room) {
	img := snapshot(t, r.start(t, host.Limits{}))
	ahead := *img
	ahead.Clock = 1e15
	record, _, _ := recorded(t, r.module, &ahead, &Env{}, []Call{{"m", nil}})
	world := &stage{host.NewReplayer(&Env{}, record)}
	i := Start(t, r.module, host.Config{Env: world}, img)
	told := number(t, i, "m")
	world.Env = &Env{}
	if got := number(t, i, "m"); got < told || told < 1e15 {
		t.Errorf("the clock showed %d, and %d when the replay was over", told, got)
	}
}

// sleeps is that a replay does not sleep, which would last an hour.
func sleeps(t *testing.T, r *room) {
	img := snapshot(t, r.start(t, host.Limits{}))
	Replays(t, r.module, img, &Env{Sleepless: true}, []Call{{"z", nil}, {"c", nil}})
}

// files is that no file the guest closes is missing in its next call: it is none of
// its state.
func files(t *testing.T, r *room) {
	env := &Env{}
	i := Start(t, r.module, host.Config{Env: env}, nil)
	call(t, i, "C")
	call(t, i, "P", []byte("still heard")...)
	if got := env.Lines(); !slices.Equal(got, []string{"1 still heard"}) {
		t.Errorf("standard output was closed, which no image says: %q", got)
	}
}
