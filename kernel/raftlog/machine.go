// Package raftlog is the log of a group at one of its replicas: an order of calls
// that a majority of the replicas keeps on disk (Raft, by go.etcd.io/raft/v3).
//
// The leader carries a call out first and puts it into the log together with what
// its host gave it, so that the others end in the same state without asking anyone.
// It answers when a majority has both on disk. A leader that is deposed may have run
// ahead of the log; it goes back to its last checkpoint and carries out again what
// was committed since.
package raftlog

import (
	"bytes"
	"context"

	"amino.run/dms"
)

// A Machine is the state that a log changes: a guest and what the DMs around it keep.
// Its methods are called one at a time, by who holds the log's Turn.
type Machine interface {
	// Run carries out a call. A readonly one leaves no trace.
	Run(ctx context.Context, call dms.Call) Outcome

	// Replay carries out a call as Run did, on the state that Run found, and ends in
	// the same state. It does nothing that others could see.
	Replay(ctx context.Context, call dms.Call, record []byte) error

	// Capture returns the state. What it returns never changes.
	Capture(ctx context.Context) (State, error)

	// Restore puts a state back.
	Restore(ctx context.Context, s State) error
}

// An Outcome is what became of a call: its answer, and what it left.
type Outcome struct {
	Out    []byte
	Err    error
	Trace  Trace
	Record []byte // what the machine was given meanwhile, of a call that left Something
	helps  bool   // the disk waits for who made the call
}

// A Trace says what a call left in the machine.
type Trace uint8

// Something goes into the log. After Nothing the machine is as before the call. After
// Wreckage no one knows how it is, and the log puts it back to before the call.
const (
	Something Trace = iota
	Nothing
	Wreckage
)

// A Turn lets one call at a time into the machine. Nested says that the call waits
// for one that holds another machine's turn; then Lock may refuse where it would
// wait for ever.
type Turn interface {
	Lock(ctx context.Context, root uint64, nested bool) error
	Unlock()
}

// A State is what a machine captured. Two captures share the chunks that did not
// change between them, and then only what changed is written to disk.
type State struct {
	Head   []byte // all but the memory
	Chunks []Chunk
}

// A Chunk is a part of one page of memory.
type Chunk struct {
	Off  uint64 // in memory, bytes; chunks come in its order, at most one for a page
	Data []byte // read only
}

// pageSize is the grain of memory, in bytes: a chunk's key is its page.
const pageSize = 64 << 10

func (c Chunk) page() uint32 { return uint32(c.Off / pageSize) }

// same reports whether two chunks hold the same. Shared ones are seen at once.
func (c Chunk) same(d Chunk) bool {
	if c.Off != d.Off || len(c.Data) != len(d.Data) {
		return false
	}
	return len(c.Data) == 0 || &c.Data[0] == &d.Data[0] || bytes.Equal(c.Data, d.Data)
}

// size returns the bytes of a state.
func (s *State) size() (n int) {
	for _, c := range s.Chunks {
		n += len(c.Data)
	}
	return n + len(s.Head)
}

// changes returns the chunks that s has and old has not, and the pages that old has
// and s has not.
func (s *State) changes(old *State) (put []Chunk, gone []uint32) {
	was := old.Chunks
	for _, c := range s.Chunks {
		for len(was) > 0 && was[0].page() < c.page() {
			gone = append(gone, was[0].page())
			was = was[1:]
		}
		if len(was) > 0 && was[0].page() == c.page() {
			same := c.same(was[0])
			was = was[1:]
			if same {
				continue
			}
		}
		put = append(put, c)
	}
	for _, c := range was {
		gone = append(gone, c.page())
	}
	return put, gone
}
