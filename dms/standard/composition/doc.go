// Package composition runs every two deployment managers in one chain, in both orders,
// or sees that the chain is refused with a sentence. It makes docs/composition.md.
package composition

//go:generate go test -run ^TestEveryPair$ . -args -write
