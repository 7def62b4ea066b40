package mobility

import (
	"context"
	"slices"

	"amino.run/abi"
	"amino.run/dms"
)

// Verbs of ExplicitCodeOffloading, without arguments. Each answers null.
const (
	Offload dms.Verb = "offload"
	Onload  dms.Verb = "onload"
)

func init() {
	dms.Register("ExplicitCodeOffloading", func() dms.DM { return new(ExplicitCodeOffloading) })
}

// ExplicitCodeOffloading moves a microservice to the cloud and back where the
// application says.
//
// Guarantees: when offload is answered, the microservice is on a cloud node with its
// state: the nearest, by measured round trips, to where it was. When onload is
// answered, it is where it was offloaded from. Calls made meanwhile wait, none is lost
// or run twice. If it fails, the microservice is where it was.
//
// Costs: nothing for a call; the size of the state for a move.
//
// Needs: kernels that are given the label tier; a microservice of one replica.
//
// Verbs: offload() moves it to the nearest node with the label tier=cloud; on such a
// node it stays. onload() moves it back; where it was not offloaded it stays. A place
// that there is not, or that placement does not allow, is refused with placement.
type ExplicitCodeOffloading struct{}

// Concerns implements dms.Concerned.
func (*ExplicitCodeOffloading) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: []dms.Verb{Offload, Onload},
		Owns:  []dms.Trait{dms.Moves},
		Minds: map[dms.Trait]string{
			dms.OneNode:    "one keeps the microservice to one node, so the other could never offload it",
			dms.Membership: "offload moves the one replica of a microservice, and with several it would not say which",
		},
	}
}

type place struct{ Cloud bool }

// Proxy implements dms.Proxier.
func (*ExplicitCodeOffloading) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb != Offload && call.Verb != Onload {
			return next(ctx, call)
		}
		if err := dms.VerbArgs(call); err != nil {
			return nil, err
		}
		_, err := dms.Ask[dms.None](ctx, c, dms.Coordinator, place{Cloud: call.Verb == Offload})
		return nil, err
	}
}

// Coordinator implements dms.Coordinated.
func (*ExplicitCodeOffloading) Coordinator(g dms.Group) {
	from := dms.Keep(g, "from", "") // the node it was offloaded from; "" if it is not offloaded
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, p place) (none dms.None, err error) {
		at, err := dms.Primary(g)
		switch {
		case err != nil:
			return none, err
		case p.Cloud && at.Node.Labels["tier"] == dms.Cloud, !p.Cloud && *from == "":
			return none, nil
		case p.Cloud:
			cloud, ok := nearestCloud(g, at.Node)
			if !ok {
				return none, abi.Errorf(abi.Placement, "no live node with the label tier=cloud is allowed; there are %s", ids(g.Nodes()))
			}
			if err = g.Move(ctx, at, cloud); err == nil {
				*from = at.Node.ID
			}
			return none, err
		}
		nodes := g.Nodes()
		i := slices.IndexFunc(nodes, func(n dms.Node) bool { return n.ID == *from })
		if i < 0 {
			return none, abi.Errorf(abi.Placement, "it was offloaded from %s, which is not alive or not allowed now; there are %s", *from, ids(nodes))
		}
		if err = g.Move(ctx, at, nodes[i]); err == nil {
			*from = ""
		}
		return none, err
	})
}

// nearestCloud returns the cloud node, of those that placement allows, that is nearest
// to a node.
func nearestCloud(g dms.Group, to dms.Node) (best dms.Node, ok bool) {
	for _, n := range g.Nodes() {
		if n.Labels["tier"] == dms.Cloud && (!ok || g.RTT(to, n) < g.RTT(to, best)) {
			best, ok = n, true
		}
	}
	return best, ok
}
