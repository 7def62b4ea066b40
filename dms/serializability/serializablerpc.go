package serializability

import "amino.run/dms"

func init() { dms.Register("SerializableRPC", func() dms.DM { return new(SerializableRPC) }) }

// SerializableRPC carries out the calls of a microservice one after another.
//
// Guarantees: nothing interleaves with a call, also not while it waits for an
// outgoing call or for the DMs before this one. Calls run in the order in which
// they arrive.
//
// Costs: calls wait for one another; a call that waits for ever holds up all.
//
// Needs: one place where calls run, so no DM that runs them at several at once.
//
// Verbs: none.
type SerializableRPC struct{}

// Concerns implements dms.Concerned.
func (*SerializableRPC) Concerns() dms.Concerns {
	return dms.Concerns{Has: []dms.Trait{dms.Orders}, Minds: map[dms.Trait]string{
		dms.Spreads: "SerializableRPC promises one call at a time, and the other runs calls at several places at once",
	}}
}

// Instance implements dms.Instancer.
func (*SerializableRPC) Instance(_ dms.Callee, next dms.Handler) dms.Handler { return dms.Serial(next) }
