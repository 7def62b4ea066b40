// Package api is what kernels, the OMS and clients say to each other, beside
// calls: the messages of the control plane and their names. They travel as
// CBOR over internal/mux.
package api

import "time"

// Names of what the OMS answers. Each comment gives the request and the reply.
const (
	OMSJoin      = "oms.join"       // JoinRequest -> JoinReply; from a kernel, first on its stream
	OMSRenew     = "oms.renew"      // RenewRequest -> RenewReply; from a kernel
	OMSLookup    = "oms.lookup"     // Ref -> Group
	OMSSettle    = "oms.settle"     // Ref (an ID) -> Group, when no replica of it is being moved; from a kernel with a closed gate
	OMSAsk       = "oms.ask"        // AskRequest -> Bytes; a message to a coordinator
	OMSPutModule = "oms.put-module" // Bytes (the module) -> Module; stored, inspected by a kernel
	OMSGetModule = "oms.get-module" // Ref (a digest) -> Bytes
	OMSDeploy    = "oms.deploy"     // DeployRequest -> Group
	OMSDelete    = "oms.delete"     // Ref -> None
	OMSMigrate   = "oms.migrate"    // MigrateRequest -> MigrateReply
	OMSSnapshot  = "oms.snapshot"   // Ref -> Snapshot
	OMSFork      = "oms.fork"       // ForkRequest -> Group
	OMSAttach    = "oms.attach"     // Ref -> Group; one more reference to a name
	OMSDetach    = "oms.detach"     // Ref -> None; one less, the last one deletes
	OMSGroups    = "oms.groups"     // None -> []Group
	OMSNodes     = "oms.nodes"      // None -> []NodeStatus
	OMSModules   = "oms.modules"    // None -> []Module
)

// Names of what a kernel answers, to the OMS unless said otherwise.
const (
	KernelInspect = "kernel.inspect" // Ref (a digest) -> Inspection
	KernelStart   = "kernel.start"   // StartRequest -> StartReply; also from another kernel, in a send
	KernelSend    = "kernel.send"    // SendRequest -> SendReply: close the gate, start a copy of a replica elsewhere
	KernelOpen    = "kernel.open"    // ReplicaRef -> None: open the gate of a replica started closed, or sent
	KernelForget  = "kernel.forget"  // ForgetRequest -> None: end a replica; those who wait learn where it went
	KernelCapture = "kernel.capture" // ReplicaRef -> Snapshot
	KernelChanged = "kernel.changed" // Changed -> None: groups and nodes as they are now
	KernelAsk     = "kernel.ask"     // AskRequest -> Bytes; a message to an instance or proxy, from anywhere
	KernelCall    = "kernel.call"    // CallRequest -> Bytes; from a client: this kernel is the caller's
	KernelStatus  = "kernel.status"  // None -> []ReplicaStatus; from a client
	KernelInvoke  = "kernel.invoke"  // raw, see kernel/caller: a call, from another kernel
	KernelRaft    = "kernel.raft"    // raw, see kernel: messages between the logs of replicas, from another kernel
	KernelPing    = "kernel.ping"    // None -> None; from another kernel, which measures how long it takes
	KernelFetch   = "kernel.fetch"   // ReplicaRef -> Snapshot; from another kernel, for a private copy
)

// None is a message with nothing in it.
type None struct{}

// Bytes is a message of bytes.
type Bytes struct{ B []byte }

// A Ref names something: a microservice by name or ID, a module by digest (or a
// prefix of it that is unique).
type Ref struct{ Ref string }

// A Node is a kernel server as the OMS knows it.
type Node struct {
	ID     string
	Addr   string            // host:port its peers dial
	Labels map[string]string // tier, region, ...
	Store  string            // identity of the checkpoint store it reads and writes
}

// A NodeStatus is a Node and how it does.
type NodeStatus struct {
	Node
	Live     bool
	Replicas int
	LeaseEnd time.Time
	RTT      map[string]time.Duration // to its peers, as it last measured them
}

// JoinRequest is a kernel's first message. A node that joins again has lost what
// ran on it: its ID is bound to a data directory that one process holds.
type JoinRequest struct {
	Node        Node
	Incarnation uint64 // of the process; a renewal names it
}

// JoinReply grants the first lease.
type JoinReply struct {
	TTL   time.Duration // counted by the kernel from when it asked
	Nodes []Node        // all live ones
}

// RenewRequest extends a kernel's lease. An OMS that does not know the incarnation
// answers abi.ErrNotFound: the kernel ends its replicas and joins again.
type RenewRequest struct {
	Node        string
	Incarnation uint64
	RTT         map[string]time.Duration // round trips to peers measured since the last renewal; less than 0: no answer
}

// RenewReply extends the lease.
type RenewReply struct{ TTL time.Duration }

// A Group is a microservice: what it is, how it is managed, where its replicas are.
type Group struct {
	ID       string // "m7", never used again
	Name     string
	Spec     Spec
	Manifest []byte    // JSON
	Origin   Node      // where it was created
	Nested   bool      // Replicas are groups: members, each on the node of its primary
	Shards   []Group   // these groups, without Spec and Manifest; only in what Lookup and Groups answer
	Replicas []Replica // the primary first; none is a group being created or deleted
	Revision uint64    // goes up with each change of Replicas

	// Generation goes up each time another chain takes the place of Spec.DMs. Replicas
	// of one generation are not members of the next.
	Generation uint64
	Refs       int // attach and detach count it
	Created    time.Time
}

// A Replica is a member of a group.
type Replica struct {
	Peer     string // "m7/0"
	Node     Node
	Epoch    uint64 // goes up each time it is placed; calls of another epoch are refused
	Was      uint64 // while it is lost, the epoch in which it last ran
	Lost     bool   // its node's lease ran out and it is not placed elsewhere yet
	Recovers bool   // a DM of its chain keeps its state through a failure
}

// A Module is a module as the OMS stores it.
type Module struct {
	Digest   string // sha-256, hex
	Size     int    // bytes
	Manifest []byte // JSON
	Notes    []string
	Stored   time.Time
}

// Inspection is what a kernel finds in a module. A module that is refused is an
// error of code abi.Refused.
type Inspection struct {
	Manifest []byte // JSON
	Notes    []string
}

// DeployRequest creates a microservice: from its constructor, or from Snapshot.
type DeployRequest struct {
	Spec     Spec
	Snapshot *Snapshot
}

// MigrateRequest moves the primary of a microservice.
type MigrateRequest struct{ Ref, To string }

// MigrateReply says what a move took.
type MigrateReply struct {
	From, To string
	Pause    time.Duration // from the gate's closing to the new place's opening
	Bytes    int           // of the image sent
}

// ForkRequest creates a microservice that starts with the state of another.
type ForkRequest struct{ Ref, Name string }

// A Snapshot is the state of a replica between two calls.
type Snapshot struct {
	Module  string // digest
	Version uint64
	Image   []byte  // as package host marshals it
	Cells   []Cells // what the DMs of the chain keep, by layer
	Log     []byte  // of a replica that has a log: what it has beside the state
}

// Cells are what one DM keeps at a part, by name, CBOR.
type Cells map[string][]byte

// StartRequest starts a replica.
type StartRequest struct {
	Group    Group   // Spec.Args feed the constructor
	Outer    []Group // those it is part of, the outermost first
	Peer     string
	Epoch    uint64
	Snapshot *Snapshot // nil: boot, then the constructor
	Resume   bool      // run amino_resume: the state was another microservice's or replica's
	Saved    *Snapshot // what was last saved of the replica, where the new kernel cannot read it; filled by a sender
	Recover  bool      // run the OnRecover upcalls before opening
	Was      uint64    // to recover: the epoch in which the replica last ran
	Born     *Snapshot // as Saved, what it goes back to before its DMs have saved anything; nil is the constructor
	Save     bool      // it is of a new chain: if that keeps its state, Snapshot is what Born will be
	Closed   bool      // leave the gate closed until KernelOpen
}

// StartReply says what was started.
type StartReply struct{ Recovers bool }

// A ReplicaRef names a replica in one epoch. Another epoch is abi.ErrMoved.
type ReplicaRef struct {
	Peer  string
	Epoch uint64
}

// SendRequest makes a kernel start a copy of its replica at another: with the gate
// closed there, and here too unless Keep. KernelOpen undoes the closing here.
// A kernel that hears neither KernelOpen nor KernelForget asks the OMS.
type SendRequest struct {
	ReplicaRef
	To    Node
	Start StartRequest // Snapshot is filled by the sender
	Keep  bool         // open the gate here again: a replica, not a move
	Fresh int          // layer from which on the DMs begin with nothing, as the copy is of another group of theirs; 0: none
}

// SendReply says what was sent.
type SendReply struct {
	Bytes    int           // of the image
	Closed   time.Duration // how long the gate has been closed
	Recovers bool
}

// ForgetRequest ends a replica. To is where it went, nil if it is gone.
type ForgetRequest struct {
	ReplicaRef
	To *Replica
}

// Changed tells kernels of groups and nodes as they are now. A group with no
// replicas is deleted.
type Changed struct {
	Groups []Group
	Nodes  []Node // all live ones; nil if they have not changed
}

// AskRequest is a message from a part of a DM to another part of it.
type AskRequest struct {
	Group      string // ID
	Generation uint64 // of the chain
	Layer      int    // of the chain, or AnyLayer
	From, To   string // dms.Peers; a proxy's is "@" + its node
	At         string // the replica that To is to be found at, if To is a group
	Kind       string
	Body       []byte
	Tell       bool // no answer is waited for
}

// AnyLayer is the layer of a message to another microservice's replica: it comes to
// the first part of the chain that answers its kind.
const AnyLayer = -1

// CallRequest is a client's call.
type CallRequest struct {
	Name   string
	Method string
	Verb   string
	Args   []byte // a CBOR array
	Client string // who calls; "" is anyone
}

// ReplicaStatus is what a kernel says of a replica.
type ReplicaStatus struct {
	Peer, Name string
	Epoch      uint64
	Version    uint64
	Calls      uint64
	Memory     uint64 // bytes
	Fuel       uint64
}
