package directory

import (
	"maps"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A Group is the record of a microservice. A record is never changed: commands
// replace it.
type Group struct {
	api.Group
	Creating bool              // not to be found by name yet; undone if the OMS ends
	Members  int               // numbers given to replicas so far
	Epochs   map[string]uint64 // by peer, the highest epoch given out
	Untold   []string          // peers whose loss the coordinators have not handled
	Cells    []api.Cells       // what the coordinators keep, by layer
}

// Replica returns the replica with this peer, or nil.
func (g *Group) Replica(peer string) *api.Replica {
	if i := g.index(peer); i >= 0 {
		return &g.Replicas[i]
	}
	return nil
}

// Primary returns the first replica that is not lost, or nil.
func (g *Group) Primary() *api.Replica {
	i := slices.IndexFunc(g.Replicas, func(r api.Replica) bool { return !r.Lost })
	if i < 0 {
		return nil
	}
	return &g.Replicas[i]
}

func (g *Group) index(peer string) int {
	return slices.IndexFunc(g.Replicas, func(r api.Replica) bool { return r.Peer == peer })
}

// clone returns a copy that a command may change.
func (g *Group) clone() *Group {
	c := *g
	c.Replicas = slices.Clone(g.Replicas)
	c.Epochs = maps.Clone(g.Epochs)
	c.Untold = slices.Clone(g.Untold)
	c.Cells = slices.Clone(g.Cells)
	return &c
}

// A Node is the record of a kernel server.
type Node struct {
	api.Node
	Incarnation uint64
	Down        bool // its lease ran out
}

// GroupOf returns the ID of the group a peer belongs to: "m7" of "m7/0", "m7/2" of
// "m7/2/0", and "" of "m7", which belongs to none.
func GroupOf(peer string) string { return peer[:max(strings.LastIndexByte(peer, '/'), 0)] }

// State is all the OMS has made durable. It may be read by many goroutines
// while none commits.
type State struct {
	next    uint64 // number of the next group
	groups  map[string]*Group
	names   map[string]string // to ID
	nodes   map[string]*Node
	modules map[string]*api.Module
	on      map[string]map[string]int // groups with replicas on a node, not lost, and how many
	lost    map[string]struct{}       // groups with a lost replica
}

// New returns the state of an OMS that has never run.
func New() *State {
	return &State{
		next: 1, groups: map[string]*Group{}, names: map[string]string{}, nodes: map[string]*Node{},
		modules: map[string]*api.Module{}, on: map[string]map[string]int{}, lost: map[string]struct{}{},
	}
}

// Group returns the group with this ID, or nil.
func (s *State) Group(id string) *Group { return s.groups[id] }

// Find returns the group a name or an ID refers to, or a path that begins with one:
// "kv/2" is a member of kv. Groups being created have no name yet.
func (s *State) Find(ref string) (*Group, error) {
	if g := s.groups[s.names[ref]]; g != nil && !g.Creating {
		return g, nil
	}
	if g := s.groups[s.Path(ref)]; g != nil {
		return g, nil
	}
	return nil, abi.Errorf(abi.NotFound, "no microservice %q: see aminorun ls", ref)
}

// Path returns the ID that ref is, or the peer, where it begins with a name.
func (s *State) Path(ref string) string {
	name, path, within := strings.Cut(ref, "/")
	if id := s.names[name]; within && id != "" {
		return id + "/" + path
	}
	return ref
}

// Taken returns the group that has a name, or is being created with it, or nil.
func (s *State) Taken(name string) *Group { return s.groups[s.names[name]] }

// Groups returns all groups, in no order.
func (s *State) Groups() []*Group { return slices.Collect(maps.Values(s.groups)) }

// Lost returns the IDs of the groups with a lost replica, sorted.
func (s *State) Lost() []string { return slices.Sorted(maps.Keys(s.lost)) }

// On returns the IDs of the groups with a replica on a node, sorted.
func (s *State) On(node string) []string { return slices.Sorted(maps.Keys(s.on[node])) }

// Replicas returns how many replicas a node runs.
func (s *State) Replicas(node string) (n int) {
	for _, k := range s.on[node] {
		n += k
	}
	return n
}

// Node returns the node with this ID, or nil.
func (s *State) Node(id string) *Node { return s.nodes[id] }

// Nodes returns all nodes that ever joined, sorted by ID.
func (s *State) Nodes() []*Node {
	return slices.SortedFunc(maps.Values(s.nodes), func(a, b *Node) int { return strings.Compare(a.ID, b.ID) })
}

// Modules returns all modules, sorted by digest.
func (s *State) Modules() []*api.Module {
	return slices.SortedFunc(maps.Values(s.modules), func(a, b *api.Module) int { return strings.Compare(a.Digest, b.Digest) })
}

// minPrefix is how many digits of a digest name a module at least.
const minPrefix = 6

// Module returns the module a digest, or a prefix of one that is unique, refers to.
func (s *State) Module(ref string) (*api.Module, error) {
	if m := s.modules[ref]; m != nil {
		return m, nil
	}
	if len(ref) < minPrefix {
		return nil, abi.Errorf(abi.NotFound, "no module %q: give at least %d digits of its digest; see aminorun ls modules", ref, minPrefix)
	}
	var found *api.Module
	for digest, m := range s.modules {
		switch {
		case !strings.HasPrefix(digest, ref):
		case found != nil:
			return nil, abi.Errorf(abi.BadArgument, "modules %s and %s both begin with %q: give more digits", found.Digest, digest, ref)
		default:
			found = m
		}
	}
	if found == nil {
		return nil, abi.Errorf(abi.NotFound, "no module %q: see aminorun ls modules", ref)
	}
	return found, nil
}
