package dms

import (
	"context"
	"time"

	"amino.run/abi"
)

// A Handler carries out a call. It may be used by many goroutines at once.
type Handler func(ctx context.Context, call Call) ([]byte, error)

// A Call is one invocation of a microservice, or of one of its DMs. It is passed
// by value, so a retry does not see what an earlier attempt did to it.
type Call struct {
	ID       uint64   // the same when the call is sent again; unique in a cluster
	Method   string   // exported by the guest; "" for a verb
	Verb     Verb     // addressed to a DM of the chain; "" for a method
	Args     []byte   // a CBOR array, opaque to DMs; for Replace, a snapshot's image
	ReadOnly bool     // the guest's manifest says Method leaves the state as it was
	From     Node     // where the caller is
	Client   string   // who made the outermost call, as it named itself; "" if it did not
	Path     []string // groups that wait for this call, outermost first; empty for a call from outside
	Root     uint64   // ID of the outermost call; the call's own ID if Path is empty
	Tx       string   // the transaction it is part of; a DM sets it, and calls that the guest makes meanwhile have it too
}

// A DM is a deployment manager. Its exported fields are its configuration and it
// implements at least one of Proxier, Instancer and Coordinated.
type DM any

// Proxier is implemented by a DM with a part beside each caller.
type Proxier interface {
	Proxy(c Caller, next Handler) Handler
}

// Instancer is implemented by a DM with a part beside each replica.
type Instancer interface {
	Instance(c Callee, next Handler) Handler
}

// Coordinated is implemented by a DM with one part for the whole group. Its
// upcalls and messages are handled one at a time.
type Coordinated interface {
	Coordinator(g Group)
}

// Part is what a proxy, an instance and a coordinator may all ask of the
// kernel. It may be used by many goroutines at once; Receive, Keep, Every and
// the On methods are called only while the part is being built.
type Part interface {
	// Here returns the node this part runs on.
	Here() Node

	// Replicas returns the group as this part knows it, the primary first. They are
	// the members of its level: groups, each on the node of its own primary, if the
	// DM shards and others come after it.
	Replicas() []Replica

	// Rand returns a random number below n. Parts use no other randomness, and
	// no clock but package time's, so a test can replay them.
	Rand(n int) int

	// Every runs f each d until the part is destroyed.
	Every(d time.Duration, f func(ctx context.Context))

	// OnEnd asks for f when the part has ended: no call, message or tick begins
	// any more, though one may be under way.
	OnEnd(f func())

	// OnMembershipChange asks for f after each change of Replicas.
	OnMembershipChange(f func(ctx context.Context))

	// Send, Post and Receive carry messages between the parts of one DM of one
	// microservice; Post does not wait. From an instance, those of another
	// microservice can be reached too: a message to one of its replicas comes to the
	// part of its chain that answers the kind. Use the typed Ask, Tell and Answer.
	Post(to Peer, kind string, body []byte)
	Send(ctx context.Context, to Peer, kind string, body []byte) ([]byte, error)
	Receive(kind string, f func(ctx context.Context, from Peer, body []byte) ([]byte, error))

	// Keep makes the variable cell points to outlive the part. The kernel reads
	// it while no call, message or tick is under way. Use the typed Keep.
	Keep(name string, cell any)
}

// Caller is the kernel as a proxy sees it.
type Caller interface {
	Part

	// Invoke sends call to the replica r; next sends it to the primary. It passes the
	// proxies of r's own, if that is a group.
	// A replica that cannot be reached is abi.ErrUnavailable: the call may have run.
	Invoke(ctx context.Context, r Replica, call Call) ([]byte, error)

	// Manifest returns what the guest's module says of itself. It is not changed.
	Manifest() *abi.Manifest

	// Fetch returns the primary's state; where the group has a log, as a readonly call
	// of it would see it.
	Fetch(ctx context.Context) (Snapshot, error)

	// Run runs s here, outside the group. The copy ends with the part.
	Run(ctx context.Context, s Snapshot) (Copy, error)

	// OnDrain asks for f when another chain is to take this one's place. No call is
	// inside the proxy, and f gives back what it holds for its callers: changes that
	// only its copy has, a transaction that is open. An error says that the chain must
	// stay. If the switch fails, this one goes on.
	OnDrain(f func(ctx context.Context) error)
}

// Callee is the kernel as an instance manager sees it.
type Callee interface {
	Part

	// Self returns the replica this part manages.
	Self() Replica

	// Version returns the version of the guest's state.
	Version() uint64

	// Snapshot captures the guest between two calls. Nearer the wire than the DM that
	// opened the group's log it is a readonly call of that log: it holds what a
	// majority has on disk, no less and no more, and fails as Propose does.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Restore replaces the guest's state. It passes the DMs nearer the
	// application as a call of the verb Replace, so that those that serialize,
	// count or save writes see it. The version goes up.
	Restore(ctx context.Context, s Snapshot) error

	// Record carries out call by the layers nearer the application, as next does, and
	// returns also what the guest was given meanwhile: time, randomness, answers of
	// others. Replay carries it out once more, at a replica in the state that call
	// found, gives it the same and so leads to the same state; nothing leaves the
	// guest. One that goes another way is undone, with abi.ErrInternal. A fault may leave
	// the guest where no record leads; then record is nil.
	Record(ctx context.Context, call Call) (out, record []byte, err error)
	Replay(ctx context.Context, call Call, record []byte) ([]byte, error)

	// Save writes s where it outlives the node's process, and returns when it is
	// there; whole or not at all. Load returns what was last saved, or
	// abi.ErrNotFound.
	Save(ctx context.Context, s Snapshot) error
	Load(ctx context.Context) (Snapshot, error)

	// OnRecover asks for f when the replica starts again after its node failed,
	// before it takes calls. A DM that asks for it keeps the microservice's state
	// through a failure.
	OnRecover(f func(ctx context.Context) error)

	// OnDrain asks for f when another chain is to take this one's place. The replica is
	// quiet, and so are the proxies; f makes the guest's state the newest that callers
	// were answered from: it undoes what was not committed, or learns what others
	// know. It sends no messages. abi.ErrNotLeader has the next replica asked; another
	// error says that the chain must stay. If the switch fails, this one goes on.
	OnDrain(f func(ctx context.Context) error)

	// Log opens the group's log, which carries out calls by apply: at every
	// replica, in one order. A group has one log; opening a second panics. It is
	// called only while the part is being built. A DM that opens a log keeps the
	// microservice's state through a failure, as one that asks OnRecover does.
	Log(apply Handler) Log
}

// Group is the kernel as a coordinator sees it.
type Group interface {
	Part

	// Origin returns the node the microservice was created on.
	Origin() Node

	// Allow restricts every placement to nodes that ok accepts. All DMs of a
	// chain must agree. It is called only while the part is being built; ok is
	// called later and must not block.
	Allow(ok func(n Node) bool)

	// Nodes returns the live nodes that placement allows.
	Nodes() []Node

	// RTT returns the round trip between two nodes as it was last measured: zero from a
	// node to itself, Unmeasured if no one has had an answer lately.
	RTT(a, b Node) time.Duration

	// Replicate starts a copy of the primary, and of what its parts keep, on n. If
	// the members are groups it makes one whose first replica is on n, and the DMs of
	// its own place the others. Of what is kept, it copies that of this level.
	// Where the group has a log it returns when the new replica counts for the log's
	// majority; on an error it may come to count yet.
	Replicate(ctx context.Context, n Node) (Replica, error)

	// Move takes r to n; callers wait, no call is lost or run twice. It returns
	// abi.ErrPlacement if n is not allowed.
	Move(ctx context.Context, r Replica, n Node) error

	// Promote makes r the primary: the first of Replicas. It is durable when it returns,
	// and every part hears of it a little later, the old primary too. A replica that
	// is lost is abi.ErrUnavailable.
	Promote(ctx context.Context, r Replica) error

	// Remove ends r.
	Remove(ctx context.Context, r Replica) error

	// OnCreate asks for f once, when the first replica runs.
	OnCreate(f func(ctx context.Context) error)

	// OnFailure asks for f when the lease of a replica's node runs out. A member that
	// is a group is lost when it is lost as a whole: none of it is left, or comes back.
	OnFailure(f func(ctx context.Context, lost Replica) error)
}

// Copy is a private copy of a microservice. Its methods may be used by many
// goroutines at once; calls enter the copy one at a time.
type Copy interface {
	Invoke(ctx context.Context, call Call) ([]byte, error)
	Snapshot(ctx context.Context) (Snapshot, error)
	Restore(ctx context.Context, s Snapshot) error
}

// A Snapshot is the whole state of a guest between two calls.
type Snapshot struct {
	Version uint64 // goes up with every change of the state
	Image   []byte // memory, globals and tables, as package host marshals them
}

// A Node is a kernel server.
type Node struct {
	ID     string
	Labels map[string]string // region, tier, ...
}

// Tiers a node may have as its "tier" label.
const (
	Cloud  = "cloud"
	Device = "device"
)

// Unmeasured is the round trip between two nodes of which none is known. It is longer
// than any that is measured, so such a node is the last choice.
const Unmeasured = 10 * time.Second

// A Replica is one member of a group.
type Replica struct {
	Peer Peer // a path: the group's ID and the member's number, "m7/0"
	Node Node // if it is a group: of its primary
}

// A Peer is the address of a part. The zero Peer is the coordinator.
type Peer string

// Coordinator is the address of a group's coordinator.
const Coordinator Peer = ""

// A Verb is an operation of a DM that an application calls by name. Its
// arguments, like a method's, are a CBOR array.
type Verb string

// Replace is the verb by which Callee.Restore passes the DMs nearer the
// application. Its Args are an Image and its ID is the snapshot's version.
const Replace Verb = "replace"
