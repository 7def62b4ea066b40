package api

import "time"

// Names of the messages of a switch: another chain takes the place of a
// microservice's. See docs/design.md, "A switch".
const (
	OMSSwitch     = "oms.switch"     // SwitchRequest -> SwitchReply
	KernelHold    = "kernel.hold"    // HoldRequest -> HoldReply: let no caller here begin a call
	KernelRelease = "kernel.release" // ReleaseRequest -> None: let callers go on, through the chain the group has now
	KernelQuiet   = "kernel.quiet"   // ReplicaRef -> None: close a replica's gate and wait until it is quiet; KernelOpen undoes it
	KernelSucceed = "kernel.succeed" // SendRequest -> SendReply: start a replica of the new chain with the state of one of the old, which is made quiet
)

// SwitchRequest gives a microservice another chain.
type SwitchRequest struct {
	Ref string
	DMs []string // nearest the application first; none is the empty chain
}

// SwitchReply says what a switch took.
type SwitchReply struct {
	Group Group         // with the new chain
	From  []string      // the chain before
	Pause time.Duration // from the first caller's gate closing to the last one's opening
	Bytes int           // of the state
}

// HoldRequest closes the gate of a group's callers at a kernel. Nested calls that wait
// there since an earlier round pass first: the tree of one may be what another kernel
// waits for.
type HoldRequest struct {
	Group      string // ID
	Switch     uint64 // names this switch; KernelRelease names it again
	Generation uint64 // of the chain that is to be replaced
	For        time.Duration
}

// HoldReply says whether no call is inside the proxies here, after For at most. If so,
// they have given back what they held.
type HoldReply struct{ Quiet bool }

// ReleaseRequest ends a hold. A kernel that hears of none asks the OMS.
type ReleaseRequest struct {
	Switch uint64
	Group  Group // as it is now
}
