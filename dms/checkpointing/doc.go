// Package checkpointing has the DMs that save a microservice's state, to go back
// to it when a call, or the node, has failed.
package checkpointing
