package oms_test

import (
	"context"
	"testing"
	"time"

	"amino.run/dms"
	"amino.run/internal/api"
)

// Round trips come with renewals and are forgotten with what made them known.
func TestRoundTrips(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k1, k2 := n.joined("k1", ""), n.joined("k2", "")
		report := func(k *kernel, peer string, d time.Duration) {
			t.Helper()
			req := api.RenewRequest{Node: k.node.ID, Incarnation: k.inc, RTT: map[string]time.Duration{peer: d}}
			if _, err := n.oms.Renew(context.Background(), k, req); err != nil {
				t.Fatal(err)
			}
		}
		known := func(node string, peer string, want time.Duration) {
			t.Helper()
			if d, ok := n.status(node).RTT[peer]; d != want || ok != (want > 0) {
				t.Errorf("%s to %s: %v, want %v", node, peer, d, want)
			}
		}
		report(k1, "k2", 3)
		report(k2, "k1", 5)
		known("k1", "k2", 3)
		known("k2", "k1", 5)
		report(k1, "k2", -1) // no answer
		known("k1", "k2", 0)
		report(k1, "k2", 4)
		k2.kill()
		time.Sleep(time.Minute)
		known("k1", "k2", 0)
		known("k2", "k1", 0)
	})
}

// What a coordinator sees: either's measure, and a time that no link takes if there is none.
func TestCoordinatorSeesRoundTrips(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k1 := n.joined("k1", "")
		n.joined("k2", "")
		g := n.mustDeploy("kv", "TestRTT")
		ask := func() string {
			out, err := dms.Ask[string](t.Context(), proxy{n: n, group: g.ID}, dms.Coordinator, measured{})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := ask(); got != "0s 10s 10s" {
			t.Errorf("unmeasured: %s", got)
		}
		req := api.RenewRequest{Node: "k1", Incarnation: k1.inc, RTT: map[string]time.Duration{"k2": time.Millisecond}}
		if _, err := n.oms.Renew(context.Background(), k1, req); err != nil {
			t.Fatal(err)
		}
		if got := ask(); got != "0s 1ms 1ms" {
			t.Errorf("measured: %s", got)
		}
	})
}
