package oms_test

import (
	"context"
	"errors"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
)

func TestDeployLookupDelete(t *testing.T) {
	n := newNetwork(t)
	n.joined("k1", "")
	g := n.mustDeploy("kv")
	found, err := n.oms.Lookup(context.Background(), api.Ref{Ref: "kv"})
	if err != nil || showGroup(found) != showGroup(g) {
		t.Fatalf("found %v, %v; want %v", found, err, g)
	}
	if err := n.oms.Delete(context.Background(), api.Ref{Ref: "kv"}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.oms.Lookup(context.Background(), api.Ref{Ref: "kv"}); !errors.Is(err, abi.ErrNotFound) {
		t.Fatalf("after delete: %v", err)
	}
	t.Log(n.takeHeard())
}
