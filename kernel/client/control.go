package client

import (
	"context"

	"amino.run/internal/api"
	"amino.run/internal/mux"
)

// What a client asks of the OMS, in the OMS's own words.
type (
	Spec         = api.Spec
	Group        = api.Group
	Module       = api.Module
	NodeStatus   = api.NodeStatus
	Snapshot     = api.Snapshot
	MigrateReply = api.MigrateReply
	SwitchReply  = api.SwitchReply
)

// PutModule stores a module. A module that is refused is an error of code
// abi.Refused that says why; one that is there already is not stored again.
func (c *Client) PutModule(ctx context.Context, wasm []byte) (Module, error) {
	return mux.Call[Module](ctx, c.oms, api.OMSPutModule, api.Bytes{B: wasm})
}

// GetModule returns a module as it was stored, by its digest or a prefix of it.
func (c *Client) GetModule(ctx context.Context, digest string) ([]byte, error) {
	b, err := mux.Call[api.Bytes](ctx, c.oms, api.OMSGetModule, api.Ref{Ref: digest})
	return b.B, err
}

// Deploy creates a microservice; with a snapshot, it starts in that state.
func (c *Client) Deploy(ctx context.Context, s Spec, from *Snapshot) (Group, error) {
	return mux.Call[Group](ctx, c.oms, api.OMSDeploy, api.DeployRequest{Spec: s, Snapshot: from})
}

// Delete ends a microservice and forgets its state.
func (c *Client) Delete(ctx context.Context, ref string) error {
	_, err := mux.Call[api.None](ctx, c.oms, api.OMSDelete, api.Ref{Ref: ref})
	return err
}

// Migrate moves a microservice's primary to a kernel, while it is being called.
func (c *Client) Migrate(ctx context.Context, ref, to string) (MigrateReply, error) {
	return mux.Call[MigrateReply](ctx, c.oms, api.OMSMigrate, api.MigrateRequest{Ref: ref, To: to})
}

// Switch puts another chain of deployment managers in the place of a microservice's,
// while it is being called. The DM nearest the application comes first; none is the
// empty chain. An error means that the chain is what it was.
func (c *Client) Switch(ctx context.Context, ref string, chain []string) (SwitchReply, error) {
	return mux.Call[SwitchReply](ctx, c.oms, api.OMSSwitch, api.SwitchRequest{Ref: ref, DMs: chain})
}

// Snapshot returns the state of a microservice's primary.
func (c *Client) Snapshot(ctx context.Context, ref string) (Snapshot, error) {
	return mux.Call[Snapshot](ctx, c.oms, api.OMSSnapshot, api.Ref{Ref: ref})
}

// Fork creates a microservice that starts with the state of another.
func (c *Client) Fork(ctx context.Context, ref, name string) (Group, error) {
	return mux.Call[Group](ctx, c.oms, api.OMSFork, api.ForkRequest{Ref: ref, Name: name})
}

// Lookup returns a microservice by name or ID.
func (c *Client) Lookup(ctx context.Context, ref string) (Group, error) {
	return mux.Call[Group](ctx, c.oms, api.OMSLookup, api.Ref{Ref: ref})
}

// Attach adds a reference to a name; Detach takes one away, and the last one
// deletes the microservice.
func (c *Client) Attach(ctx context.Context, name string) (Group, error) {
	return mux.Call[Group](ctx, c.oms, api.OMSAttach, api.Ref{Ref: name})
}

// Detach is the opposite of Attach.
func (c *Client) Detach(ctx context.Context, name string) error {
	_, err := mux.Call[api.None](ctx, c.oms, api.OMSDetach, api.Ref{Ref: name})
	return err
}

// Groups returns all microservices.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	return mux.Call[[]Group](ctx, c.oms, api.OMSGroups, api.None{})
}

// Nodes returns all kernels the OMS knows, ordered by ID.
func (c *Client) Nodes(ctx context.Context) ([]NodeStatus, error) {
	return mux.Call[[]NodeStatus](ctx, c.oms, api.OMSNodes, api.None{})
}

// Modules returns all stored modules.
func (c *Client) Modules(ctx context.Context) ([]Module, error) {
	return mux.Call[[]Module](ctx, c.oms, api.OMSModules, api.None{})
}
