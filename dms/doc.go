// Package dms defines the contract between a deployment manager and the kernel.
//
// A deployment manager (DM) decides how one microservice is deployed: where it
// runs, how many replicas it has, who may cache it, what survives a crash. The
// microservice does not know; it is plain code in a WebAssembly module.
//
// A DM has up to three parts, and the kernel puts each where its work is:
//
//	proxy          beside each caller          sees calls leave    [Proxier]
//	instance       beside each replica         sees calls arrive   [Instancer]
//	coordinator    once, in the OMS            owns the membership [Coordinated]
//
// A proxy or an instance is middleware: it is given the next [Handler] and
// returns its own. What it may ask of the kernel is the [Caller], the [Callee]
// or the [Group] it is given. Building the part is its creation; the other
// upcalls are the On methods of those interfaces.
//
// DMs stack like network protocols. The first of a chain is nearest the
// application at both ends, the last is nearest the wire at both ends:
//
//	caller:   app -> A.Proxy -> B.Proxy ---- wire ---- B.Instance -> A.Instance -> guest
//
// A DM says of itself what it minds ([Concerned]) and [Check] refuses a chain
// that makes no sense, with the reason and, where only the order is wrong, the
// chain to write instead.
//
// # Levels
//
// A DM that shards ([Shards]) keeps another part of the state at each member of its
// group. Each member is a microservice of its own to the DMs that come after it:
//
//	[DHT(shards=3), LoadBalancedFrontEnd(replicas=2)]
//
//	m7          the group of DHT: its coordinator, its proxies; Replicas are m7/0, m7/1, m7/2
//	m7/2        the group of LoadBalancedFrontEnd, once for each shard: coordinator, proxies; m7/2/0, m7/2/1
//	m7/2/0      a replica: it runs the instance managers of all DMs
//
// So the chain has two levels. Everything a part is told and asks is of its own: Replicas,
// Self, Invoke, what it sends and who answers. At a member, the part that answers messages
// for a DM of an outer level is the one at the member's primary. A verb is carried
// out at the level of the DM that declares it, and a DM that shards decides which members
// it goes to. Without a DM after it, the members of a DM that shards are replicas.
//
// # What the kernel promises a DM
//
//  1. Handlers and answers run concurrently at proxies and instances, one at a
//     time at a coordinator.
//  2. A guest is entered by one call at a time, and Snapshot, Restore and Copy
//     respect that: a snapshot exists only between calls. A verb that a guest
//     sends to itself takes effect when its current call returns. A call that
//     comes back to a microservice that waits for it is refused before it enters
//     the chain.
//  3. Cells ([Keep]) are read only while no call, message or tick of their replica
//     is under way, together with the snapshot they belong to. They travel with a
//     move and are copied by Replicate; a coordinator's are committed before an
//     answer leaves. A replica that recovers from a failure begins with none.
//  4. The version of a state never goes down while its replica lives. What was
//     last saved can be loaded wherever the replica is.
//  5. Timers and answers of a part end with the part. The On methods keep all that
//     is given to them and run it in that order.
//  6. abi.ErrUnavailable means that the call may have run. abi.ErrMoved never
//     reaches a DM: the kernel follows it below.
//
// # What a DM promises the kernel
//
// Time only from package time, randomness only from Rand, background work only
// from Every; so any DM runs in virtual time, and a part has no go statement. A
// [Mutex] where something waits under the lock, a sync.Mutex only around a few
// lines that cannot wait.
//
// # Who may wait for whom
//
//	application -> proxy (its calls) -> coordinator -> instance -> peer instance
//	                      |                               |
//	                      +-------> instance              +-> proxy (its answers; these wait for no one)
//
// The coordinator may move or copy a replica, and waits until it is quiet; so an
// instance never asks its coordinator, it tells it ([Ask] there panics). And what
// a proxy answers never takes a lock that its calls hold while they wait.
package dms
