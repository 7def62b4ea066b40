package oms_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

// A proxy is a dms.Part that asks the coordinator of layer 0, as a kernel passes on.
type proxy struct {
	dms.Part
	n     *network
	group string
	layer int
}

func (p proxy) Send(ctx context.Context, to dms.Peer, kind string, body []byte) ([]byte, error) {
	b, err := p.n.oms.Ask(ctx, api.AskRequest{Group: p.group, Layer: p.layer, From: "@k1", To: string(to), Kind: kind, Body: body})
	return b.B, err
}

func (p proxy) Post(to dms.Peer, kind string, body []byte) {
	_, err := p.n.oms.Ask(context.Background(), api.AskRequest{Group: p.group, Layer: p.layer, To: string(to), Kind: kind, Body: body, Tell: true})
	if err != nil {
		p.n.t.Error(err)
	}
}

func (p proxy) counts() counts {
	p.n.t.Helper()
	c, err := dms.Ask[counts](context.Background(), p, dms.Coordinator, getAll{})
	if err != nil {
		p.n.t.Fatal(err)
	}
	return c
}

// What a coordinator keeps is there after a crash as of the last answer, and it is not
// created again.
func TestCoordinatorKeeps(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		g := n.mustDeploy("kv", "TestDurable", "TestCount")
		p := proxy{n: n, group: g.ID, layer: 1}
		for i := range 3 {
			if got, err := dms.Ask[int](context.Background(), p, dms.Coordinator, addAsk{2}); err != nil || got != 2*(i+1) {
				t.Fatalf("asked: %d, %v", got, err)
			}
		}
		dms.Tell(p, dms.Coordinator, addTell{5})
		synctest.Wait()
		time.Sleep(150 * time.Second)
		synctest.Wait()
		before := p.counts()
		if want := (counts{Asked: 6, Told: 5, Created: 1, Changed: 1, Ticks: 2}); before != want {
			t.Errorf("counted %+v; want %+v", before, want)
		}
		n.crash()
		if after := p.counts(); after != before {
			t.Errorf("after the crash %+v; want %+v", after, before)
		}
		n.kernels["k1"].kill()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		after := p.counts()
		if after.Failed != 1 || after.Created != 1 || after.Ticks != 3 || after.Changed < 2 {
			t.Errorf("after the kernel failed %+v", after)
		}
	})
}

// Upcalls and messages of a group come one at a time.
func TestCoordinatorIsAskedInTurn(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		g := n.mustDeploy("kv", "TestCount")
		p := proxy{n: n, group: g.ID}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := dms.Ask[int](context.Background(), p, dms.Coordinator, addAsk{1}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n.crash()
		if c := p.counts(); c.Asked != 100 {
			t.Errorf("100 were answered, %d were kept", c.Asked)
		}
	})
}

// A coordinator moves its replica within an answer, and then asks it.
func TestCoordinatorMovesWithinItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		k2 := n.joined("k2", "")
		k2.answers = func(req api.AskRequest) ([]byte, error) {
			if req.From != "" || req.Group != "m1" || req.Layer != 0 {
				t.Errorf("asked %+v", req)
			}
			return abi.Encode("here")
		}
		g := n.mustDeploy("kv", "TestMover")
		p := proxy{n: n, group: g.ID}
		if got, err := dms.Ask[string](context.Background(), p, dms.Coordinator, moveTo{"k2"}); err != nil || got != "here" {
			t.Errorf("moved and asked: %q, %v", got, err)
		}
		if got := n.show(); !strings.Contains(got, "m1/0@k2 e2") {
			t.Errorf("it is\n%s", got)
		}
		k2.answers = nil
		n.takeHeard()
		if _, err := dms.Ask[string](context.Background(), p, dms.Coordinator, moveTo{"k2"}); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("the replica does not answer: %v", err)
		}
		if _, err := dms.Ask[string](context.Background(), p, dms.Coordinator, moveTo{"k3"}); !errors.Is(err, abi.ErrPlacement) {
			t.Errorf("nowhere: %v", err)
		}
	})
}

// A DM that breaks its promises hurts its own microservice only.
func TestCoordinatorMisbehaves(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		g := n.mustDeploy("kv", "TestBroken", "TestCount")
		p := proxy{n: n, group: g.ID}
		ctx := context.Background()
		if _, err := dms.Ask[dms.None](ctx, p, dms.Coordinator, panics{}); !errors.Is(err, abi.ErrInternal) || !strings.Contains(err.Error(), "as told") {
			t.Errorf("a panic is %v", err)
		}
		began := time.Now()
		_, err := dms.Ask[dms.None](ctx, p, dms.Coordinator, hangs{})
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Second {
			t.Errorf("an answer that never comes: %v after %v", err, took)
		}
		if _, err := dms.Ask[dms.None](ctx, p, dms.Coordinator, selfie{}); err == nil {
			t.Error("a coordinator that asks itself got an answer")
		}
		if _, err := dms.Ask[dms.None](ctx, p, dms.Coordinator, addAsk{}); err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("an unknown message: %v", err)
		}
		for _, req := range []api.AskRequest{{Group: g.ID, Layer: 2}, {Group: g.ID, Layer: -1}, {Group: "m9"}} {
			if _, err := n.oms.Ask(ctx, req); err == nil {
				t.Errorf("%+v is answered", req)
			}
		}
		if _, err := dms.Ask[int](ctx, proxy{n: n, group: g.ID, layer: 1}, dms.Coordinator, addAsk{1}); err != nil {
			t.Errorf("another DM of the chain: %v", err)
		}
	})
}

// A microservice that is deleted takes its coordinator with it, also in the middle of an
// answer.
func TestCoordinatorEndsWithItsMicroservice(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		g := n.mustDeploy("kv", "TestBroken")
		p := proxy{n: n, group: g.ID}
		answer := make(chan error)
		go func() {
			_, err := dms.Ask[dms.None](context.Background(), p, dms.Coordinator, hangs{})
			answer <- err
		}()
		synctest.Wait()
		if err := n.oms.Delete(context.Background(), api.Ref{Ref: "kv"}); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Errorf("the answer is %v", err)
		}
	})
}

// A chain that this OMS does not know any more does not take its microservice down.
func TestCoordinatorOfAnotherVersion(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		n.joined("k2", "")
		known := n.mustDeploy("kv", "TestFuture")
		future.Store(false)
		defer future.Store(true)
		n.crash()
		if g, err := n.oms.Lookup(context.Background(), api.Ref{Ref: "kv"}); err != nil || showGroup(g) != showGroup(known) {
			t.Errorf("%s, %v", showGroup(g), err)
		}
		_, err := n.oms.Migrate(context.Background(), api.MigrateRequest{Ref: "kv", To: "k2"})
		if !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "the deployment managers of kv cannot run") {
			t.Errorf("moved without its deployment managers: %v", err)
		}
		if err := n.oms.Delete(context.Background(), api.Ref{Ref: "kv"}); err != nil {
			t.Error(err)
		}
	})
}
