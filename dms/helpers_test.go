package dms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

// grower is a Group that has nodes and starts replicas on them.
type grower struct {
	dms.Group
	nodes    []dms.Node
	replicas []dms.Replica
	fails    string // on this node
}

func (g *grower) Nodes() []dms.Node       { return g.nodes }
func (g *grower) Replicas() []dms.Replica { return g.replicas }

func (g *grower) Replicate(_ context.Context, n dms.Node) (dms.Replica, error) {
	if n.ID == g.fails {
		return dms.Replica{}, abi.ErrUnavailable
	}
	r := dms.Replica{Peer: dms.Peer("m1/" + n.ID), Node: n}
	g.replicas = append(g.replicas, r)
	return r, nil
}

func (g *grower) where() (ids []string) {
	for _, r := range g.replicas {
		ids = append(ids, r.Node.ID)
	}
	return ids
}

func TestGrow(t *testing.T) {
	a, b, c := dms.Node{ID: "a"}, dms.Node{ID: "b"}, dms.Node{ID: "c"}
	g := &grower{nodes: []dms.Node{a, b, c}, replicas: []dms.Replica{{Peer: "m1/b", Node: b}}}
	if err := dms.Grow(t.Context(), g, 2); err != nil || !slices.Equal(g.where(), []string{"b", "a"}) {
		t.Errorf("%v, %v", g.where(), err)
	}
	if err := dms.Grow(t.Context(), g, 9); err != nil || !slices.Equal(g.where(), []string{"b", "a", "c"}) {
		t.Errorf("%v, %v", g.where(), err)
	}
	if len(g.nodes) != 3 || g.nodes[2].ID != "c" {
		t.Errorf("Spare changed the group's nodes: %v", g.nodes)
	}
	g = &grower{nodes: []dms.Node{a}, fails: "a"}
	if err := dms.Grow(t.Context(), g, 1); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := dms.Primary(g); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("the primary of an empty group: %v", err)
	}
	if _, err := dms.AskPrimary[dms.None](t.Context(), g, other{}); !errors.Is(err, abi.ErrUnavailable) {
		t.Errorf("a question to it: %v", err)
	}
}

func TestRetryable(t *testing.T) {
	for _, err := range []error{abi.ErrUnavailable, abi.ErrOverloaded, abi.ErrLeased, abi.ErrNotLeader, fmt.Errorf("move: %w", abi.ErrUnavailable)} {
		if !dms.Retryable(err) {
			t.Errorf("%v is not retryable", err)
		}
	}
	for _, err := range []error{nil, abi.AppError("no"), abi.ErrConflict, abi.ErrMethod, abi.ErrPlacement, context.Canceled, abi.ErrTrap} {
		if dms.Retryable(err) {
			t.Errorf("%v is retryable", err)
		}
	}
}
