package mobility

import (
	"context"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
)

// Migrate is the verb of ExplicitMigration: migrate(node text). It answers null.
const Migrate dms.Verb = "migrate"

func init() {
	dms.Register("ExplicitMigration", func() dms.DM { return new(ExplicitMigration) })
}

// ExplicitMigration moves a microservice where the application says.
//
// Guarantees: when migrate is answered, the microservice is on that node with its
// state; calls made meanwhile wait, none is lost or run twice. If it fails, the
// microservice is where it was.
//
// Costs: nothing for a call; the size of the state for a move.
//
// Needs: a microservice of one replica that may be on more than one node.
//
// Verbs: migrate(node) moves it to the node of that ID; to where it is, is done at
// once. A node that there is not, or that placement does not allow, is refused with
// placement and the nodes that are allowed.
type ExplicitMigration struct{}

// Concerns implements dms.Concerned.
func (*ExplicitMigration) Concerns() dms.Concerns {
	return dms.Concerns{
		Verbs: []dms.Verb{Migrate},
		Owns:  []dms.Trait{dms.Moves},
		Minds: map[dms.Trait]string{
			dms.OneNode:    "one keeps the microservice to one node, so the other could never move it",
			dms.Membership: "migrate moves the one replica of a microservice, and with several it would not say which",
		},
	}
}

type moveTo struct{ Node string }

// Proxy implements dms.Proxier.
func (*ExplicitMigration) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb != Migrate {
			return next(ctx, call)
		}
		var to moveTo
		if err := dms.VerbArgs(call, &to.Node); err != nil {
			return nil, err
		}
		_, err := dms.Ask[dms.None](ctx, c, dms.Coordinator, to)
		return nil, err
	}
}

// Coordinator implements dms.Coordinated.
func (*ExplicitMigration) Coordinator(g dms.Group) {
	dms.Answer(g, func(ctx context.Context, _ dms.Peer, to moveTo) (none dms.None, err error) {
		r, err := dms.Primary(g)
		if err != nil || r.Node.ID == to.Node {
			return none, err
		}
		nodes := g.Nodes()
		i := slices.IndexFunc(nodes, func(n dms.Node) bool { return n.ID == to.Node })
		if i < 0 {
			return none, abi.Errorf(abi.Placement, "no node %q that placement allows; there are %s", to.Node, ids(nodes))
		}
		return none, g.Move(ctx, r, nodes[i])
	})
}

func ids(nodes []dms.Node) string {
	if len(nodes) == 0 {
		return "none"
	}
	var all []string
	for _, n := range nodes {
		all = append(all, n.ID)
	}
	return strings.Join(all, ", ")
}
