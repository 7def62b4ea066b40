package raftlog

import (
	"encoding/binary"
	"maps"
	"slices"

	"amino.run/abi"
	"amino.run/dms"
)

// An entry of the log is calls, each with its record. Numbers are varints, texts and
// bytes carry their length.

// appendCall appends a call and its record to an entry.
func appendCall(b []byte, c *dms.Call, record []byte) []byte {
	b = binary.AppendUvarint(b, c.ID)
	b = binary.AppendUvarint(b, c.Root)
	b = appendBytes(b, c.Method)
	b = appendBytes(b, string(c.Verb))
	b = appendBytes(b, c.From.ID)
	b = binary.AppendUvarint(b, uint64(len(c.From.Labels)))
	for _, k := range slices.Sorted(maps.Keys(c.From.Labels)) {
		b = appendBytes(appendBytes(b, k), c.From.Labels[k])
	}
	b = appendBytes(appendBytes(b, c.Client), c.Tx)
	b = binary.AppendUvarint(b, uint64(len(c.Path)))
	for _, p := range c.Path {
		b = appendBytes(b, p)
	}
	return appendBytes(appendBytes(b, c.Args), record)
}

func appendBytes[T []byte | string](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// nextCall reads one call of an entry; its bytes alias b.
func nextCall(b []byte) (c dms.Call, record, rest []byte, err error) {
	r := reader{b: b}
	c.ID, c.Root = r.number(), r.number()
	c.Method, c.Verb, c.From.ID = string(r.bytes()), dms.Verb(r.bytes()), string(r.bytes())
	for range r.count() {
		if c.From.Labels == nil {
			c.From.Labels = map[string]string{}
		}
		k := string(r.bytes())
		c.From.Labels[k] = string(r.bytes())
	}
	c.Client, c.Tx = string(r.bytes()), string(r.bytes())
	for range r.count() {
		c.Path = append(c.Path, string(r.bytes()))
	}
	c.Args, record = r.bytes(), r.bytes()
	if r.bad {
		err = abi.Errorf(abi.Storage, "an entry of the log is not well-formed")
	}
	return c, record, r.b, err
}

// A reader reads numbers and bytes. What is not there sets bad and reads as nothing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of items, of which each has at least one byte.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count()
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// appendState appends a state as it travels.
func appendState(b []byte, s *State) []byte {
	b = appendBytes(slices.Grow(b, s.size()+16*len(s.Chunks)), s.Head)
	b = binary.AppendUvarint(b, uint64(len(s.Chunks)))
	for _, c := range s.Chunks {
		b = appendBytes(binary.AppendUvarint(b, c.Off), c.Data)
	}
	return b
}

// parseState reads what appendState wrote; its bytes alias b.
func parseState(b []byte) (s State, err error) {
	r := reader{b: b}
	s.Head = r.bytes()
	n := r.count()
	s.Chunks = make([]Chunk, 0, n)
	for range n {
		s.Chunks = append(s.Chunks, Chunk{Off: r.number(), Data: r.bytes()})
	}
	if r.bad || len(r.b) > 0 {
		return State{}, abi.Errorf(abi.Storage, "a state of a log, of %d bytes, is not well-formed", len(b))
	}
	return s, nil
}
