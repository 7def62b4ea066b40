package caller

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	_ "amino.run/dms/primitive"
	"amino.run/internal/api"
)

// A world is a directory and some kernels, as one caller sees them.
type world struct {
	mu      sync.Mutex
	group   api.Group // what the directory says
	missing bool
	lookups int
	calls   []string // node/epoch of each call that arrived
	answer  func(to api.Replica, call dms.Call) ([]byte, error)
}

func (w *world) Lookup(context.Context, string) (api.Group, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups++
	if w.missing {
		return api.Group{}, abi.ErrNotFound
	}
	return w.group, nil
}

func (w *world) Here() dms.Node { return dms.Node{ID: "here"} }

func (w *world) Invoke(_ context.Context, to api.Replica, call dms.Call) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, to.Node.ID)
	return w.answer(to, call)
}

func (w *world) Fetch(context.Context, api.Replica) (api.Snapshot, error) { return api.Snapshot{}, nil }

func (w *world) Run(context.Context, *api.Group, dms.Snapshot) (dms.Copy, error) {
	return nil, errors.New("no copies here")
}

func (w *world) Ask(context.Context, *api.Group, api.AskRequest) ([]byte, error) { return nil, nil }

const manifest = `{"abi":1,"name":"counter","methods":[{"name":"add","params":[{"name":"by","type":"s64"}],"result":"s64"},{"name":"get","result":"s64","readonly":true}]}`

// place puts the only replica on a node in an epoch.
func (w *world) place(node string, epoch uint64) {
	w.group = api.Group{
		ID: "m1", Name: "counter", Manifest: []byte(manifest), Revision: w.group.Revision + 1,
		Replicas: []api.Replica{{Peer: "m1/0", Node: api.Node{ID: node, Addr: node + ":1"}, Epoch: epoch}},
	}
}

func (w *world) caller(t *testing.T) *Caller {
	return New(t.Context(), w, w, nil, slog.New(slog.DiscardHandler), 100)
}

func get(t *testing.T, c *Caller) error {
	t.Helper()
	_, err := c.Call(t.Context(), "counter", dms.Call{Method: "get", Args: []byte{0x80}})
	return err
}

func TestCallFillsWhatTheCallerKnows(t *testing.T) {
	w := &world{}
	w.place("k1", 1)
	var got []dms.Call
	w.answer = func(_ api.Replica, call dms.Call) ([]byte, error) { got = append(got, call); return nil, nil }
	c := w.caller(t)
	c.Call(t.Context(), "counter", dms.Call{Method: "get"})
	c.Call(t.Context(), "m1", dms.Call{Method: "add", Path: []string{"m9"}, Root: 7})
	if len(got) != 2 || !got[0].ReadOnly || got[1].ReadOnly {
		t.Fatalf("readonly is not the manifest's: %+v", got)
	}
	if got[0].ID == got[1].ID || got[0].Root != got[0].ID || got[1].Root != 7 || got[0].From.ID != "here" {
		t.Errorf("identity: %+v", got)
	}
	if w.lookups != 1 {
		t.Errorf("%d look-ups for a name and then its ID", w.lookups)
	}
}

func TestCallFollowsAMoveWithoutTheDirectory(t *testing.T) {
	w := &world{}
	w.place("k1", 1)
	w.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
		if to.Node.ID == "k1" {
			return nil, MovedTo(api.Replica{Node: api.Node{ID: "k2", Addr: "k2:1"}, Epoch: 2})
		}
		return []byte{1}, nil
	}
	c := w.caller(t)
	for range 2 {
		if err := get(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(w.calls, " "); got != "k1 k2 k2" || w.lookups != 1 {
		t.Errorf("calls went to %s with %d look-ups; the new place was not remembered", got, w.lookups)
	}
}

func TestCallAsksTheDirectoryWhenNoOneKnows(t *testing.T) {
	w := &world{}
	w.place("k1", 1)
	w.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
		if to.Node.ID == "k1" {
			w.place("k3", 2)
			return nil, abi.ErrMoved
		}
		return nil, nil
	}
	if err := get(t, w.caller(t)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.calls, " "); got != "k1 k3" {
		t.Errorf("calls went to %s", got)
	}
}

func TestCallGivesUpOnAReplicaThatIsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.place("k1", 1)
		w.answer = func(api.Replica, dms.Call) ([]byte, error) { return nil, abi.ErrMoved }
		err := get(t, w.caller(t))
		if abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "did not run") {
			t.Errorf("got %v", err)
		}
	})
}

// A call that ran, or may have, is not sent again: neither when no answer came nor
// when a microservice passes on that what it called is not there.
func TestCallIsNotRepeatedWhenItMayHaveRun(t *testing.T) {
	for _, answer := range []*abi.Error{abi.ErrUnavailable, abi.ErrNotFound, abi.ErrOverloaded, abi.ErrTrap} {
		w := &world{}
		w.place("k1", 1)
		w.answer = func(api.Replica, dms.Call) ([]byte, error) { return nil, answer }
		if err := get(t, w.caller(t)); !errors.Is(err, answer) {
			t.Errorf("got %v, want %v", err, answer)
		}
		if len(w.calls) != 1 {
			t.Errorf("%v: the call was sent %d times", answer, len(w.calls))
		}
	}
}

func TestCallOfALostReplicaSaysWhatToDo(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		w := &world{}
		w.place("k1", 1)
		w.group.Replicas[0].Lost, w.group.Replicas[0].Recovers = true, recovers
		err := get(t, w.caller(t))
		want := map[bool]string{true: "comes back when", false: "deploy it again"}[recovers]
		if abi.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), want) || len(w.calls) != 0 {
			t.Errorf("recovers %v: %v, after %d calls", recovers, err, len(w.calls))
		}
	}
}

func TestCallOfADeletedGroup(t *testing.T) {
	w := &world{}
	w.place("k1", 1)
	w.answer = func(api.Replica, dms.Call) ([]byte, error) { w.missing = true; return nil, abi.ErrMoved }
	c := w.caller(t)
	if err := get(t, c); !errors.Is(err, abi.ErrNotFound) || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("got %v", err)
	}
	// A new microservice of that name is another group.
	w.missing, w.answer = false, func(api.Replica, dms.Call) ([]byte, error) { return nil, nil }
	w.place("k2", 1)
	if err := get(t, c); err != nil {
		t.Errorf("after deploying again: %v", err)
	}
}

func TestChangedIsHeard(t *testing.T) {
	w := &world{answer: func(api.Replica, dms.Call) ([]byte, error) { return nil, nil }}
	w.place("k1", 1)
	c := w.caller(t)
	get(t, c)
	w.place("k2", 2)
	c.Changed(w.group)
	get(t, c)
	old := w.group
	old.Revision, old.Replicas = 1, nil
	old.Replicas = []api.Replica{{Peer: "m1/0", Node: api.Node{ID: "k1"}}}
	c.Changed(old) // late news
	get(t, c)
	if got := strings.Join(w.calls, " "); got != "k1 k2 k2" {
		t.Errorf("calls went to %s", got)
	}
}

func TestProxiesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.place("k1", 1)
		w.group.Spec.DMs = []string{"AtLeastOnceRPC(timeout=10s)"}
		fails := 3
		w.answer = func(api.Replica, dms.Call) ([]byte, error) {
			if fails--; fails >= 0 {
				return nil, abi.ErrUnavailable
			}
			return []byte{1}, nil
		}
		start := time.Now()
		if err := get(t, w.caller(t)); err != nil {
			t.Fatal(err)
		}
		if len(w.calls) != 4 || time.Since(start) > 10*time.Second {
			t.Errorf("%d calls in %v", len(w.calls), time.Since(start))
		}
	})
}

func TestCallsThatWouldWaitForThemselves(t *testing.T) {
	w := &world{answer: func(api.Replica, dms.Call) ([]byte, error) { return nil, nil }}
	w.place("k1", 1)
	w.group.Spec.DMs = []string{"Immutable"} // a proxy that would fetch, and wait
	c := w.caller(t)
	for name, path := range map[string][]string{"too deep": make([]string, MaxDepth), "back to the start": {"m1", "m2"}} {
		_, err := c.Call(t.Context(), "counter", dms.Call{Method: "get", Path: path})
		if !errors.Is(err, abi.ErrReentrant) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRefreshLearnsWhatNoOneTold(t *testing.T) {
	w := &world{answer: func(api.Replica, dms.Call) ([]byte, error) { return nil, nil }}
	w.place("k1", 1)
	c := w.caller(t)
	get(t, c)
	w.place("k2", 2)
	c.Refresh(t.Context())
	get(t, c)
	if got := strings.Join(w.calls, " "); got != "k1 k2" {
		t.Errorf("calls went to %s", got)
	}
}

// A place that was learned from a kernel that turned out to be wrong does not
// outlast what the directory says, though nothing has changed there.
func TestAWrongPlaceIsUnlearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.place("k1", 3)
		misled := false
		w.answer = func(to api.Replica, _ dms.Call) ([]byte, error) {
			switch {
			case to.Node.ID == "k1" && !misled: // a move to k2 that is then given up
				misled = true
				return nil, MovedTo(api.Replica{Node: api.Node{ID: "k2", Addr: "k2:1"}, Epoch: 4})
			case to.Node.ID == "k1":
				return nil, nil
			}
			return nil, MovedTo(api.Replica{Node: api.Node{ID: "k1", Addr: "k1:1"}, Epoch: 3})
		}
		c := w.caller(t)
		for range 2 {
			if err := get(t, c); err != nil {
				t.Errorf("the caller does not find its way back: %v", err)
			}
		}
	})
}
