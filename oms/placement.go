package oms

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// A place is a live, connected node, as it was when it was chosen.
type place struct {
	api.Node
	incarnation uint64
	kernel      Kernel
	load        int // replicas
}

// places returns the nodes on which something can be started now, the least loaded
// first, ties by ID.
func (o *OMS) places() []place {
	var all []place
	o.store.view(func(st *directory.State) {
		for _, n := range st.Nodes() {
			if !n.Down {
				all = append(all, place{Node: n.Node, incarnation: n.Incarnation, load: st.Replicas(n.ID)})
			}
		}
	})
	all = slices.DeleteFunc(all, func(p place) bool {
		_, incarnation := o.members.connected(p.ID)
		return incarnation != p.incarnation
	})
	for i := range all {
		all[i].kernel, _ = o.members.connected(all[i].ID)
	}
	all = slices.DeleteFunc(all, func(p place) bool { return p.kernel == nil })
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(a.load, b.load) })
	return all
}

// refuses returns why the group may not run on n, a sentence that n completes, or "". If
// its members are groups, that is why none may be created there.
func (g *group) refuses(n api.Node) string {
	if g.nested() {
		m := g.memberOn(n)
		defer m.stop()
		return m.refuses(n)
	}
	if !g.spec.Selector.Matches(n.Labels) {
		return "the selector asks for " + g.spec.Selector.String() + ", unlike"
	}
	for at := g; at != nil; at = at.outer {
		if reason := at.coord.Load().refusal(n); reason != "" {
			return reason
		}
	}
	return ""
}

// refusal returns why the coordinators do not allow n, as refuses does.
func (c *coordinators) refusal(n api.Node) string {
	if dm := c.refuses(n.DM()); dm != "" {
		return dm + " does not allow"
	}
	return ""
}

// choose returns a place for a new group, and the group built as created there:
// each place is tried as the origin.
func (o *OMS) choose(rec *directory.Group, chain dms.Chain) (*group, place, error) {
	all := o.places()
	if len(all) == 0 {
		return nil, place{}, abi.Errorf(abi.Placement, "no kernel is alive to run %s: start one with aminorun kernel", rec.Name)
	}
	why := map[string][]string{} // kernels by reason
	for _, at := range all {
		as := *rec
		as.Origin = at.Node
		g := newGroup(o, &as, chain, nil)
		if err := g.coord.Load().err; err != nil {
			g.stop()
			return nil, place{}, err
		}
		reason := g.refuses(at.Node)
		if reason == "" {
			return g, at, nil
		}
		g.stop()
		why[reason] = append(why[reason], describe(at.Node))
	}
	return nil, place{}, refusedEverywhere(rec.Name, why)
}

// refusedEverywhere returns the error of a group that no kernel may run, by reason.
func refusedEverywhere(name string, why map[string][]string) error {
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		reasons = append(reasons, reason+" "+list(why[reason]))
	}
	return abi.Errorf(abi.Placement, "no kernel may run %s: %s", name, strings.Join(reasons, "; "))
}

// placeAt returns the place with this node's ID, if the group may run there.
func (g *group) placeAt(node string) (place, error) {
	if err := g.ready(); err != nil {
		return place{}, err
	}
	all := g.o.places()
	i := slices.IndexFunc(all, func(p place) bool { return p.ID == node })
	if i < 0 {
		return place{}, g.o.noPlace(node, all)
	}
	if reason := g.refuses(all[i].Node); reason != "" {
		return place{}, abi.Errorf(abi.Placement, "%s may not run on %s: %s %s", g.spec.Name, node, reason, describe(all[i].Node))
	}
	return all[i], nil
}

// noPlace says why a node is none of the places.
func (o *OMS) noPlace(node string, all []place) error {
	var known *directory.Node
	o.store.view(func(st *directory.State) { known = st.Node(node) })
	if known != nil {
		return abi.Errorf(abi.Unavailable, "kernel %s is not alive", node)
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = describe(p.Node)
	}
	return abi.Errorf(abi.NotFound, "no kernel %q: there are %s", node, list(names))
}

func describe(n api.Node) string {
	if len(n.Labels) == 0 {
		return n.ID
	}
	return fmt.Sprintf("%s (%s)", n.ID, api.FormatLabels(n.Labels))
}

// list sorts and joins what a message names, at most eight.
func list(all []string) string {
	const most = 8
	slices.Sort(all)
	switch {
	case len(all) == 0:
		return "none"
	case len(all) > most:
		return strings.Join(all[:most], ", ") + fmt.Sprintf(", and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}
