// Package directory is what the OMS knows and the rules by which it changes:
// groups and their replicas, nodes, modules. It is a state machine and does no
// I/O: it has no clock, no lock, no disk and no network. The OMS applies a
// command, makes the change durable, and only then commits it to the state.
//
// The rules, each with transcripts in testdata:
//
//   - An ID is never used twice. A name belongs to one group at a time.
//   - An epoch is given to a place of a replica before the replica is started
//     there (Prepare), and never twice. Where a replica is changes by one
//     compare-and-set (Move): from the epoch the mover saw to the one it prepared.
//   - A node that failed, or joined anew, has no replica: theirs are lost, and
//     their epochs have risen, so that what a late node still runs is refused.
//   - A member of a group may be a group of its own: "m7/2", with the replica "m7/2/0",
//     is a member of "m7". Both have a record. What the outer one says of the member
//     follows from the member's record: it is where its primary is, and lost when none
//     of it is left or comes back. They are created and deleted together.
//   - Nothing is placed on a node that failed since it was chosen.
package directory
