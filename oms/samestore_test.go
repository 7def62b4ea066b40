package oms

import (
	"testing"

	"amino.run/internal/api"
)

func TestSameStore(t *testing.T) {
	old := api.Node{ID: "k1", Store: "a"}
	for _, tt := range []struct {
		name string
		n    api.Node
		want bool
	}{
		{"the node itself", api.Node{ID: "k1", Store: "a"}, true},
		{"another that shares the store", api.Node{ID: "k2", Store: "a"}, true},
		{"another with a store of its own", api.Node{ID: "k2", Store: "b"}, false},
		{"the node itself, its store lost and made anew", api.Node{ID: "k1", Store: "b"}, false},
	} {
		if got := sameStore(tt.n, old); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if !sameStore(api.Node{ID: "k1"}, api.Node{ID: "k1"}) || sameStore(api.Node{ID: "k2"}, api.Node{ID: "k1"}) {
		t.Error("nodes without a store are told apart by their IDs")
	}
}
