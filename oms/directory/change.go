package directory

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A Change is what commands make of a state: the records that differ, over the
// state or over another change.
type Change struct {
	state   *State
	under   *Change
	subject string            // the group that the command is of, if it is of one
	next    uint64            // 0: as it was
	groups  map[string]*Group // nil: deleted
	names   map[string]string // "": free
	nodes   map[string]*Node
	modules map[string]*api.Module
}

// Begin returns an empty change of the state.
func (s *State) Begin() *Change { return &Change{state: s} }

// Apply carries out a command over c and returns what it changed, which
// is part of c then. A command that returns an error changed nothing.
func (c *Change) Apply(cmd Command) (*Change, error) {
	d := &Change{state: c.state, under: c}
	if err := cmd.apply(d); err != nil {
		return nil, err
	}
	d.reflect()
	c.merge(d)
	return d, nil
}

// Preview returns the group that a command would make, and changes nothing.
func (s *State) Preview(cmd Command) (*Group, error) {
	d := s.Begin()
	if err := cmd.apply(d); err != nil {
		return nil, err
	}
	d.reflect()
	return d.Group(), nil
}

func (c *Change) merge(d *Change) {
	if d.next != 0 {
		c.next = d.next
	}
	c.groups = merged(c.groups, d.groups)
	c.names = merged(c.names, d.names)
	c.nodes = merged(c.nodes, d.nodes)
	c.modules = merged(c.modules, d.modules)
}

func merged[V any](into, from map[string]V) map[string]V {
	if into == nil {
		return maps.Clone(from)
	}
	maps.Copy(into, from)
	return into
}

// Empty reports whether nothing changed.
func (c *Change) Empty() bool {
	return c.next == 0 && len(c.groups)+len(c.names)+len(c.nodes)+len(c.modules) == 0
}

// Group returns the group that a command of one group changed; nil if it was
// deleted.
func (c *Change) Group() *Group { return c.groups[c.subject] }

// Groups returns the groups that changed and are still there, by ID.
func (c *Change) Groups() []*Group {
	var all []*Group
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		if g := c.groups[id]; g != nil {
			all = append(all, g)
		}
	}
	return all
}

func (c *Change) group(id string) (*Group, error) {
	for at := c; at != nil; at = at.under {
		if g, ok := at.groups[id]; ok {
			return found(g, id)
		}
	}
	return found(c.state.groups[id], id)
}

func found(g *Group, id string) (*Group, error) {
	if g == nil {
		return nil, abi.Errorf(abi.NotFound, "microservice %s is deleted", id)
	}
	return g, nil
}

func (c *Change) named(name string) string {
	for at := c; at != nil; at = at.under {
		if id, ok := at.names[name]; ok {
			return id
		}
	}
	return c.state.names[name]
}

func (c *Change) node(id string) *Node {
	for at := c; at != nil; at = at.under {
		if n, ok := at.nodes[id]; ok {
			return n
		}
	}
	return c.state.nodes[id]
}

func (c *Change) nextID() string {
	n := c.state.next
	for at := c; at != nil; at = at.under {
		if at.next != 0 {
			n = at.next
			break
		}
	}
	c.next = n + 1
	return "m" + strconv.FormatUint(n, 10)
}

// groupsOn returns the groups that may have a replica on a node.
func (c *Change) groupsOn(node string) []*Group {
	ids := maps.Clone(c.state.on[node])
	if ids == nil {
		ids = map[string]int{}
	}
	for at := c; at != nil; at = at.under {
		for id := range at.groups {
			ids[id] = 0
		}
	}
	var all []*Group
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if g, err := c.group(id); err == nil {
			all = append(all, g)
		}
	}
	return all
}

func (c *Change) setGroup(g *Group) { c.groups = set(c.groups, g.ID, g) }

func (c *Change) deleteGroup(g *Group) {
	c.subject = g.ID
	c.deleteAll(g)
	if c.named(g.Name) == g.ID {
		c.names = set(c.names, g.Name, "")
	}
}

func set[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// Keys of records on disk.
const (
	keyNext   = "next"
	keyGroup  = "group/"
	keyNode   = "node/"
	keyModule = "module/"
)

// Records returns the records that changed, by key; nil is one to delete.
func (c *Change) Records() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if c.next != 0 && !yield(keyNext, c.next) {
			return
		}
		_ = each(keyGroup, c.groups, yield) && each(keyNode, c.nodes, yield) && each(keyModule, c.modules, yield)
	}
}

func each[V any](prefix string, m map[string]*V, yield func(string, any) bool) bool {
	for id, v := range m {
		var record any
		if v != nil {
			record = v
		}
		if !yield(prefix+id, record) {
			return false
		}
	}
	return true
}

// Load puts a record read from disk into the state. Decode fills the value it
// is given.
func (s *State) Load(key string, decode func(into any) error) error {
	c := s.Begin()
	kind, id, _ := strings.Cut(key, "/")
	switch kind + "/" {
	case keyNext + "/":
		if err := decode(&c.next); err != nil {
			return err
		}
	case keyGroup:
		g := new(Group)
		if err := decode(g); err != nil {
			return err
		}
		c.setGroup(g)
		if GroupOf(id) == "" {
			c.names = set(c.names, g.Name, id)
		}
	case keyNode:
		n := new(Node)
		if err := decode(n); err != nil {
			return err
		}
		c.nodes = set(c.nodes, id, n)
	case keyModule:
		m := new(api.Module)
		if err := decode(m); err != nil {
			return err
		}
		c.modules = set(c.modules, id, m)
	}
	s.Commit(c)
	return nil
}

// Commit makes a change part of the state.
func (s *State) Commit(c *Change) {
	if c.next != 0 {
		s.next = c.next
	}
	for id, g := range c.groups {
		s.count(s.groups[id], -1)
		s.count(g, +1)
		if g == nil {
			delete(s.groups, id)
			delete(s.lost, id)
			continue
		}
		s.groups[id] = g
		if slices.ContainsFunc(g.Replicas, func(r api.Replica) bool { return r.Lost }) {
			s.lost[id] = struct{}{}
		} else {
			delete(s.lost, id)
		}
	}
	for name, id := range c.names {
		if id == "" {
			delete(s.names, name)
		} else {
			s.names[name] = id
		}
	}
	maps.Copy(s.nodes, c.nodes)
	maps.Copy(s.modules, c.modules)
}

// count adds d for each replica of g that runs on a node.
func (s *State) count(g *Group, d int) {
	if g == nil || g.Nested {
		return
	}
	for _, r := range g.Replicas {
		if r.Lost {
			continue
		}
		on := s.on[r.Node.ID]
		if on == nil {
			on = map[string]int{}
			s.on[r.Node.ID] = on
		}
		if on[g.ID] += d; on[g.ID] == 0 {
			delete(on, g.ID)
		}
		if len(on) == 0 {
			delete(s.on, r.Node.ID)
		}
	}
}
