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
//   - Nothing is placed on a node that failed since it was chosen.
package directory
