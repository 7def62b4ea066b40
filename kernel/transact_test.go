package kernel

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func init() { dms.Register("Courier", func() dms.DM { return new(courier) }) }

// A courier makes calls part of a transaction, and asks a Probe elsewhere for each.
type courier struct {
	Asks  string `doc:"the replica to ask"`
	Joins bool   `doc:"take part in the transactions of others"`
}

// who is the last call that reached a courier in a transaction.
var who atomic.Pointer[dms.Call]

func (d *courier) Concerns() dms.Concerns {
	if d.Joins {
		return dms.Concerns{Has: []dms.Trait{dms.Transacts}}
	}
	return dms.Concerns{}
}

func (d *courier) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Tx != "" {
			who.Store(&call)
			return next(ctx, call)
		}
		if d.Asks != "" {
			r, err := dms.Ask[reply](ctx, c, dms.Peer(d.Asks), question{})
			if err != nil {
				return nil, err
			}
			return abi.Encode(r.From)
		}
		call.Tx = "t1"
		return next(ctx, call)
	}
}

// An instance reaches that of another microservice, at whatever layer and wherever it
// has moved.
func TestAskAnotherMicroservice(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	asked := c.deploy(k2, "asked", counter(t), api.Spec{DMs: []string{"KeepNothing", "Probe"}})
	one := c.deploy(k1, "one", counter(t), api.Spec{DMs: []string{"Courier(asks=" + asked.Replicas[0].Peer + ")"}})
	want(t, k1, one.Replicas[0].Peer, "one", "get")
	c.move(&asked, k2, k1)
	want(t, k2, one.Replicas[0].Peer, "one", "get")

	for name, chain := range map[string][]string{"deaf": {"Courier(asks=" + one.Replicas[0].Peer + ")"}, "lost": {"Courier(asks=m99/0)"}} {
		c.deploy(k1, name, counter(t), api.Spec{DMs: chain})
		_, err := try[string](k1, name, "get")
		if wanted := map[string]error{"deaf": abi.ErrRefused, "lost": abi.ErrNotFound}[name]; !errors.Is(err, wanted) {
			t.Errorf("%s: %v, want %v", name, err, wanted)
		}
	}
}

// What a guest calls in a transaction is part of it, made for the same client, and
// refused where no DM takes part.
func TestTransactionIsCarriedAlong(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	c.deploy(k1, "front", conformance(t), api.Spec{Args: []byte("\x81\x61x"), DMs: []string{"Courier"}})
	c.deploy(k2, "joins", conformance(t), api.Spec{Args: []byte("\x81\x61x"), DMs: []string{"Courier(joins=true)"}})
	c.deploy(k2, "plain", conformance(t), api.Spec{Args: []byte("\x81\x61x")})
	relay := func(to string) error {
		args, err := abi.Args(to, "count", 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = k1.serveCall(t.Context(), nil, api.CallRequest{Name: "front", Method: "relay", Args: args, Client: "anna"})
		return err
	}
	err := relay("joins")
	if call := who.Load(); err != nil || call == nil || call.Tx != "t1" || call.Client != "anna" || len(call.Path) != 1 {
		t.Errorf("%v; the call was %+v", err, call)
	}
	if err := relay("plain"); !errors.Is(err, abi.ErrRefused) {
		t.Errorf("a microservice that takes no part was called: %v", err)
	}
}
