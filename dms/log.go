package dms

import (
	"context"
	"strings"

	"amino.run/abi"
)

// A Log is an order of calls that a majority of the group's replicas keeps on
// disk. Every replica has the same order, and carries out the calls in it by the
// apply that its part opened the log with. It may be used by many goroutines at
// once.
//
// Apply is run for one call at a time, but for readonly ones, and ends in the same
// state everywhere: the guest is given at each replica what it was given at the
// leader (time, randomness, answers of others), and apply itself goes by nothing
// but the call, the answer of next, and cells ([Keep]). The cells of its own layer
// and of those nearer the application are part of the state: they are changed in
// apply and nowhere else, and are saved, copied and taken back together with the
// guest. The context apply is given has no end of its own: a call that one replica
// gave up would run at the others.
//
// A call that apply fails is in the log like any other, unless the error is an
// abi.Error whose State is abi.StateBefore: then the log takes the call back, guest
// and cells, and no other replica sees it.
type Log interface {
	// Propose carries out call and returns its outcome when a majority of the
	// replicas has it on disk. At a replica that does not lead, the error is
	// [NotLeader] and the call did not run. abi.ErrUnavailable: it may have run,
	// or may yet. A full disk is abi.ErrStorage: the call did not run.
	//
	// A readonly call is not in the log. It is carried out by apply here, sees
	// every call that was answered anywhere before it was proposed, and leaves no
	// trace. Apply changes no cell for it.
	Propose(ctx context.Context, call Call) ([]byte, error)

	// Leader returns the replica that leads, as far as this one knows; "" if none.
	Leader() Peer
}

// notLeader comes before the leader's address in a message of NotLeader.
const notLeader = "this replica does not lead; it is led by "

// NotLeader returns the error of a call that did not run because the replica it
// came to does not lead. Leader is the one that does, "" if it is not known.
func NotLeader(leader Peer) error {
	if leader == "" {
		return abi.Errorf(abi.NotLeader, "no replica leads now; try again later")
	}
	return abi.Errorf(abi.NotLeader, "%s%s", notLeader, leader)
}

// LeaderOf returns the leader that an error of NotLeader names, "" if it names
// none. It reads the message, which is what crosses the wire.
func LeaderOf(err error) Peer {
	if abi.CodeOf(err) != abi.NotLeader {
		return ""
	}
	_, leader, _ := strings.Cut(err.Error(), notLeader)
	return Peer(leader)
}

// OpenLog opens c's log. When another chain is to take this one's place, the replica
// that leads says that it has the newest state, once it has confirmed that it leads
// and has carried out all that was answered.
func OpenLog(c Callee, apply Handler) Log {
	log := c.Log(func(ctx context.Context, call Call) ([]byte, error) {
		if call.Method == "" && call.Verb == "" { // of the drain below
			return nil, nil
		}
		return apply(ctx, call)
	})
	c.OnDrain(func(ctx context.Context) error {
		_, err := log.Propose(ctx, Call{ReadOnly: true})
		return err
	})
	return log
}
