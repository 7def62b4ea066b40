package dmtest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A front is a guest that calls another: forward(to, method) does.
type front struct{ List }

func (f *front) InvokeCalling(call dms.Call, out func(target, method string, args ...any) ([]byte, error)) ([]byte, error) {
	if call.Method != "forward" {
		return f.Invoke(call)
	}
	var args []string
	if err := abi.Decode(call.Args, &args); err != nil {
		return nil, err
	}
	return out(args[0], args[1], 7)
}

// A witness notes the calls that reach a guest, and answers messages of its kind.
type witness struct {
	saw  *[]dms.Call
	tx   string // what it makes calls part of
	asks dms.Peer
}

type hello struct{ From dms.Peer }

func (w *witness) Concerns() dms.Concerns {
	return dms.Concerns{Has: []dms.Trait{dms.Transacts}}
}

func (w *witness) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	dms.Answer(c, func(_ context.Context, from dms.Peer, _ hello) (hello, error) { return hello{from}, nil })
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		*w.saw = append(*w.saw, call)
		if call.Tx == "" {
			call.Tx = w.tx
		}
		if w.asks != "" {
			h, err := dms.Ask[hello](ctx, c, w.asks, hello{})
			if err != nil {
				return nil, err
			}
			return abi.Encode(string(h.From))
		}
		return next(ctx, call)
	}
}

func TestBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saw []dms.Call
		one, err := Deploy(t, func() Guest { return new(front) }, dms.Chain{&witness{saw: &saw, tx: "t1"}}, Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		two, err := one.Beside(NewList, dms.Chain{&witness{saw: &saw}}, "b")
		if err != nil || two.Where()[0] != "b" || two.ID() != "m2" {
			t.Fatalf("%v: %s on %v", err, two.ID(), two.Where())
		}
		plain, err := one.Beside(NewList, nil)
		if err != nil {
			t.Fatal(err)
		}
		anna := one.Client("c").As("anna")
		if err := anna.Do(t.Context(), nil, "forward", "m2", "append"); err != nil {
			t.Error(err)
		}
		two.Client("d").Want(t, 7)
		outer, inner := saw[0], saw[1]
		if inner.Client != "anna" || inner.Tx != "t1" || inner.Root != outer.ID || !slices.Equal(inner.Path, []string{"m1"}) || inner.From.ID != "a" {
			t.Errorf("the guest's call is %+v", inner)
		}
		WantError(t, anna.Do(t.Context(), nil, "forward", plain.ID(), "append"), abi.ErrRefused, "could not be rolled back with it")
		WantError(t, anna.Do(t.Context(), nil, "forward", "m1", "append"), abi.ErrReentrant)
		WantError(t, anna.Do(t.Context(), nil, "forward", "m9", "append"), abi.ErrNotFound)
		one.Kill("b")
		WantError(t, anna.Do(t.Context(), nil, "forward", "m2", "append"), abi.ErrUnavailable)
		time.Sleep(time.Minute)
	})
}

// An instance reaches the instances of other microservices, and no other part of them.
func TestMessageToAnotherMicroservice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saw []dms.Call
		w := &witness{saw: &saw}
		one, err := Deploy(t, NewList, dms.Chain{w}, Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		two, err := one.Beside(NewList, dms.Chain{keeper{}, &witness{saw: &saw}}, "b")
		if err != nil {
			t.Fatal(err)
		}
		w.asks = two.replicas()[0].Peer
		var from string
		if err := one.Client("c").Do(t.Context(), &from, "list"); err != nil || from != string(one.replicas()[0].Peer) {
			t.Errorf("it was asked by %q, %v", from, err)
		}
		w.asks = "m7/0"
		WantError(t, one.Client("c").Do(t.Context(), nil, "list"), abi.ErrUnavailable)
	})
}
