package checkpointing

import (
	"context"
	"errors"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// startPause is how long a call waits for a replica that has just started.
const startPause = 5 * time.Millisecond

func init() {
	dms.Register("DurableSerializableRPC", func() dms.DM { return new(DurableSerializableRPC) })
}

// DurableSerializableRPC has every call on disk before it is answered, and carries
// them out one after another.
//
// Guarantees: linearizable. What was answered is there after any failure that leaves
// the disk. A call that fails, by an error of the application too, leaves no trace:
// the state is the one after the last call that succeeded. A call that is sent again
// runs once.
//
// Costs: a write to disk, which calls at the same time share. The state is written as
// a whole now and then, so that coming back takes as long as the state is large, not
// as many calls as there were.
//
// Needs: the disk of its node: the microservice comes back when the node does. A disk
// that is full or fails refuses calls with storage.
//
// Verbs: none; those of DMs before it are logged as methods are.
type DurableSerializableRPC struct{}

// Concerns implements dms.Concerned.
func (*DurableSerializableRPC) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Recovery},
		Has:  []dms.Trait{dms.Orders},
		Minds: map[dms.Trait]string{
			dms.Freezes: "the state never changes, so there is nothing to write; take DurableSerializableRPC away",
		},
	}
}

// Instance implements dms.Instancer.
func (*DurableSerializableRPC) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	answers := dms.Keep(c, "answers", dms.Answers{})
	log := dms.OpenLog(c, func(ctx context.Context, call dms.Call) ([]byte, error) {
		out, err := answers.Once(ctx, call, next)
		if err != nil {
			return nil, takenBack(err)
		}
		return out, nil
	})
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		out, err := log.Propose(ctx, call)
		for errors.Is(err, abi.ErrNotLeader) && dms.Rest(ctx, c, startPause) { // the only one leads soon
			out, err = log.Propose(ctx, call)
		}
		return out, err
	}
}

// takenBack returns err such that the log takes its call back.
func takenBack(err error) error {
	e := *abi.AsError(err)
	e.State = abi.StateBefore
	return &e
}
