package oms_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A microservice that is being created has its name, is found by its ID only, and is not
// listed.
func TestLookupWhileItIsCreated(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		ctx := context.Background()
		k := n.joined("k1", "")
		digest := n.module("test")
		k.slow = 5 * time.Second
		done := make(chan api.Group)
		go func() {
			g, err := n.oms.Deploy(ctx, api.DeployRequest{Spec: api.Spec{Name: "kv", Module: digest}})
			if err != nil {
				t.Error(err)
			}
			done <- g
		}()
		time.Sleep(time.Second)
		if g, err := n.oms.Lookup(ctx, api.Ref{Ref: "m1"}); err != nil || g.Name != "kv" {
			t.Errorf("by ID: %s, %v", showGroup(g), err)
		}
		if g, err := n.oms.Lookup(ctx, api.Ref{Ref: "kv"}); !errors.Is(err, abi.ErrNotFound) {
			t.Errorf("by name: %s, %v", showGroup(g), err)
		}
		if all := n.oms.Groups(); len(all) != 0 {
			t.Errorf("listed: %v", all)
		}
		if _, err := n.deploy("kv"); !errors.Is(err, abi.ErrExists) {
			t.Errorf("its name: %v", err)
		}
		g := <-done
		for _, ref := range []string{"kv", g.ID} {
			if found, err := n.oms.Lookup(ctx, api.Ref{Ref: ref}); err != nil || showGroup(found) != showGroup(g) {
				t.Errorf("%s: %s, %v; want %s", ref, showGroup(found), err, showGroup(g))
			}
		}
	})
}

func TestGroupsAreListedByAge(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		names := []string{"k", "j", "i", "h", "g", "f", "e", "d", "c", "b", "a"}
		for _, name := range names {
			n.mustDeploy(name)
		}
		for i, g := range n.oms.Groups() {
			if g.Name != names[i] {
				t.Errorf("%d is %s; want %s", i, g.Name, names[i])
			}
		}
		if s := n.status("k1"); s.Replicas != len(names) {
			t.Errorf("k1 has %d replicas", s.Replicas)
		}
	})
}
