package kernel

import (
	"context"
	"slices"
	"sync/atomic"

	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
)

// A replica of a nested chain is in a member of each group around its own. An outer is
// the replica as the DMs of such a level see it: what they are told is of their group.
type outer struct {
	r      *replica
	level  dms.Level
	member string // of the group, that the replica is in
	group  atomic.Pointer[api.Group]
}

var _ part.Site = (*outer)(nil)

// nest notes the groups around a replica's own, the outermost first.
func (r *replica) nest(chain dms.Chain, around []api.Group) {
	for i := range around {
		o := &outer{r: r, level: chain.LevelOf(around[i].ID), member: r.Group()}
		if i+1 < len(around) {
			o.member = around[i+1].ID
		}
		o.group.Store(&around[i])
		r.outer = append(r.outer, o)
	}
}

// site returns what the kernel provides for the part of a layer, and its address.
func (r *replica) site(layer int) (s part.Site, self string) {
	for _, o := range r.outer {
		if layer < o.level.To {
			return o, o.member
		}
	}
	return r, r.peer
}

// learn tells the parts of a group as it is now: those whose group it is.
func (r *replica) learn(g *api.Group) {
	from := 0
	for _, o := range r.outer {
		if o.Group() == g.ID {
			part.Learn(&o.group, g, r.parts[o.level.From:o.level.To])
			return
		}
		from = o.level.To
	}
	if r.Group() == g.ID {
		part.Learn(&r.group, g, r.parts[from:])
	}
}

// home returns the group of the DM that declares a verb: the replica's own, or one around
// it. It is where a verb goes that the guest sends to itself.
func (r *replica) home(v dms.Verb) string {
	for _, o := range r.outer {
		if slices.Contains(r.chain[o.level.From:o.level.To].Verbs(), v) {
			return o.Group()
		}
	}
	return r.Group()
}

// Here, Replicas, Group, Send and Act implement part.Site.

func (o *outer) Here() dms.Node { return o.r.Here() }

func (o *outer) Replicas() []dms.Replica { return api.DMReplicas(o.group.Load()) }

func (o *outer) Group() string { return o.group.Load().ID }

func (o *outer) Send(ctx context.Context, m api.AskRequest) ([]byte, error) {
	mayAsk(m)
	if g, foreign := otherGroup(m); foreign {
		m.Group, m.Layer = g, api.AnyLayer
	}
	return o.r.k.caller.Ask(ctx, m)
}

func (o *outer) Act(ctx context.Context, f func(context.Context) error) error { return o.r.Act(ctx, f) }
