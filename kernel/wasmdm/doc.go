// Package wasmdm runs deployment managers that are compiled to Wasm.
//
// Such a DM is an ordinary guest: a class in any language for which there is an
// SDK. Its constructor's parameters are its configuration, its name is its
// manifest's, and its methods say which parts it has. What a DM in Go asks of its
// Caller, Callee or Group, it asks by calling the microservice "dm".
//
// The methods, all optional:
//
//	concerns() -> map                  its verbs, what it owns and has; asked once (dms.Concerns)
//	period() -> u32                    milliseconds from one tick to the next
//	proxy(call) -> bytes               beside each caller; the answer, CBOR
//	instance(call) -> bytes            beside each replica
//	proxy_tick() instance_tick() coordinator_tick()
//	proxy_changed() ...                the membership has changed
//	proxy_answer(from, body) -> bytes  to a message; so instance_answer, coordinator_answer
//	instance_recover()                 its node failed, and the replica starts again
//	coordinator_created()              the first replica runs
//	coordinator_failed(replica)        a replica is lost
//	coordinator_allows(node) -> bool   may a replica be there?
//
// A call is a map of id, method, verb, args (bytes, a CBOR array), read_only, from
// (a node). A node is a map of id and labels, a replica of peer and node.
//
// What it may call on "dm", see package dms for what each does:
//
//	every part     here() replicas() rand(n) sleep(ms) ask(to, body) tell(to, body)
//	               get(cell) set(cell, bytes) swap(cell, old, new) -> bool
//	proxy          next(call) invoke(peer, call)
//	instance       next(call) self() version() save() load()
//	coordinator    origin() nodes() rtt(node, node) replicate(node) move(peer, node) remove(peer) promote(peer)
//
// An upcall is given one of several instances of the module, all alike, and any
// may be dropped at any time. So a DM keeps nothing in its memory from one upcall
// to the next: what it has to remember is in cells, which move and are kept as
// every DM's are. swap sets a cell only if it is what old says, null if there is
// none, so that upcalls that run at once can agree.
//
// An upcall has limits of memory and fuel, and the time of the call that it serves.
// One that traps is unavailable to the caller; the guest and other DMs go on.
package wasmdm
