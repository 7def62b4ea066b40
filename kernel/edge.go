package kernel

import (
	"context"
	"slices"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// Manifest returns what may be called on a microservice, or abi.ErrNotFound.
func (k *Kernel) Manifest(ctx context.Context, name string) (*abi.Manifest, error) {
	_, m, err := k.caller.Group(ctx, name)
	return m, err
}

// Names returns the names of all microservices, sorted.
func (k *Kernel) Names(ctx context.Context) ([]string, error) {
	groups, err := mux.Call[[]api.Group](ctx, k.oms, api.OMSGroups, api.None{})
	names := make([]string, 0, len(groups))
	for _, g := range groups {
		names = append(names, g.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}
