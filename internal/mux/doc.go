// Package mux carries calls between kernel servers, the OMS and clients: one TCP
// connection for each pair of peers, on which both sides call each other, many
// calls at a time. It is the only package that knows the wire.
//
// On a connection each side says hello (see appendHello), then sends frames (see
// frame). Whoever sends appends to the batch under way, so a busy connection
// carries many calls in each write; whoever reads carries out the requests that
// came together in one go (see lead). A body longer than 64 KiB travels in
// fragments, one to a batch, so that it does not hold up small calls.
//
// The rules of the wire:
//
//   - A request's id is a small number its sender has free. It is free again
//     once the answer has come.
//   - Each request is answered exactly once, by a reply or a failure, also when
//     it is canceled. A cancel for an id that is answered already says nothing.
//   - A fragmented body announces its length in its first frame and is complete
//     when that many bytes have come.
//   - A side that has said bye takes no new requests.
//   - A side that hears nothing sends a ping; one that still hears nothing gives
//     the peer up.
package mux
