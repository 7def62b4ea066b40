package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"amino.run/abi"
)

// What is on disk of a log, under its name and a zero byte:
//
//	h         hard state: term, vote, commit
//	o         the epochs in which it was opened
//	s         the checkpoint but for its memory: index, term, voters, head
//	c page    a chunk of the checkpoint: its offset, its bytes
//	e index   an entry: term, type, data

// A saved log is what was read back.
type saved struct {
	epochs  epochs
	hard    *pb.HardState
	base    checkpoint
	entries []*pb.Entry // after base, in order
}

// A checkpoint is the state after an entry, and the members by then.
type checkpoint struct {
	index, term uint64
	conf        *pb.ConfState
	state       State
	grown       size // of the log, by then
}

// epochs say to which replica a log belongs: the one that was placed in one of
// these. The second is that of the last attempt to place it, which may have failed.
type epochs struct{ settled, attempt uint64 }

func key(name string, kind byte, tail ...byte) []byte {
	return append(append(append(make([]byte, 0, len(name)+2+len(tail)), name...), 0, kind), tail...)
}

func entryKey(name string, index uint64) []byte {
	return binary.BigEndian.AppendUint64(key(name, 'e'), index)
}

func chunkKey(name string, page uint32) []byte {
	return binary.BigEndian.AppendUint32(key(name, 'c'), page)
}

// putAll writes a whole log in place of what there is.
func (s *saved) putAll(b *pebble.Batch, name string) error {
	return errors.Join(
		removeAll(b, name),
		putEpochs(b, name, s.epochs),
		putHard(b, name, s.hard),
		s.base.put(b, name, &State{}, s.base.index),
		putEntries(b, name, s.entries, 0),
	)
}

func removeAll(b *pebble.Batch, name string) error {
	return b.DeleteRange(key(name, 0), key(name, 0xff), nil)
}

func putEpochs(b *pebble.Batch, name string, e epochs) error {
	return b.Set(key(name, 'o'), binary.AppendUvarint(binary.AppendUvarint(nil, e.settled), e.attempt), nil)
}

func putHard(b *pebble.Batch, name string, h *pb.HardState) error {
	v := binary.AppendUvarint(nil, h.GetTerm())
	v = binary.AppendUvarint(binary.AppendUvarint(v, h.GetVote()), h.GetCommit())
	return b.Set(key(name, 'h'), v, nil)
}

// put writes a checkpoint over an older one, and drops the entries since that one
// that it stands for.
func (c *checkpoint) put(b *pebble.Batch, name string, old *State, from uint64) error {
	put, gone := c.state.changes(old)
	for _, c := range put {
		v := append(binary.AppendUvarint(make([]byte, 0, 10+len(c.Data)), c.Off), c.Data...)
		if err := b.Set(chunkKey(name, c.page()), v, nil); err != nil {
			return err
		}
	}
	for _, page := range gone {
		if err := b.Delete(chunkKey(name, page), nil); err != nil {
			return err
		}
	}
	conf, err := proto.Marshal(c.conf)
	if err != nil {
		return err
	}
	v := binary.AppendUvarint(binary.AppendUvarint(nil, c.index), c.term)
	v = appendBytes(appendBytes(v, conf), c.state.Head)
	return errors.Join(
		b.Set(key(name, 's'), v, nil),
		b.DeleteRange(entryKey(name, from+1), entryKey(name, c.index+1), nil),
	)
}

// putEntries writes entries, and drops those up to last that came after the place
// of the first: they were another leader's.
func putEntries(b *pebble.Batch, name string, entries []*pb.Entry, last uint64) error {
	if len(entries) == 0 {
		return nil
	}
	for _, e := range entries {
		k := entryKey(name, e.GetIndex())
		op := b.SetDeferred(len(k), 9+len(e.GetData()))
		copy(op.Key, k)
		binary.BigEndian.PutUint64(op.Value, e.GetTerm())
		op.Value[8] = byte(e.GetType())
		copy(op.Value[9:], e.GetData())
		if err := op.Finish(); err != nil {
			return err
		}
	}
	if end := entries[len(entries)-1].GetIndex(); last > end {
		return b.DeleteRange(entryKey(name, end+1), entryKey(name, last+1), nil)
	}
	return nil
}

// load reads a log, or returns abi.ErrNotFound.
func (d *Disk) load(name string) (*saved, error) {
	if err := d.Err(); err != nil {
		return nil, err
	}
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: key(name, 0), UpperBound: key(name, 0xff)})
	if err != nil {
		return nil, storageError(err)
	}
	defer it.Close()
	s := &saved{hard: &pb.HardState{}}
	for it.First(); it.Valid(); it.Next() {
		if err := s.read(it.Key()[len(name)+1:], it.Value()); err != nil {
			return nil, storageError(fmt.Errorf("the log %s: %w", name, err))
		}
	}
	if err := it.Error(); err != nil {
		return nil, storageError(err)
	}
	if s.base.conf == nil {
		return nil, abi.Errorf(abi.NotFound, "there is no log %s here", name)
	}
	s.hard.Commit = new(max(s.hard.GetCommit(), s.base.index))
	return s, nil
}

func (s *saved) read(k, v []byte) error {
	r := reader{b: append([]byte(nil), v...)}
	switch k[0] {
	case 'o':
		s.epochs = epochs{r.number(), r.number()}
	case 'h':
		s.hard = &pb.HardState{Term: new(r.number()), Vote: new(r.number()), Commit: new(r.number())}
	case 's':
		s.base.index, s.base.term, s.base.conf = r.number(), r.number(), &pb.ConfState{}
		if err := proto.Unmarshal(r.bytes(), s.base.conf); err != nil {
			return err
		}
		s.base.state.Head = r.bytes()
	case 'c':
		s.base.state.Chunks = append(s.base.state.Chunks, Chunk{Off: r.number(), Data: r.b})
	case 'e':
		if len(v) < 9 {
			r.bad = true
			break
		}
		e := &pb.Entry{
			Index: new(binary.BigEndian.Uint64(k[1:])), Term: new(binary.BigEndian.Uint64(r.b)),
			Type: pb.EntryType(r.b[8]).Enum(), Data: r.b[9:],
		}
		if n := len(s.entries); n > 0 && s.entries[n-1].GetIndex()+1 != e.GetIndex() {
			return fmt.Errorf("entry %d is followed by entry %d", s.entries[n-1].GetIndex(), e.GetIndex())
		}
		s.entries = append(s.entries, e)
	default:
		return fmt.Errorf("unknown record %q", k[0])
	}
	if r.bad {
		return fmt.Errorf("record %q is not well-formed", k[0])
	}
	return nil
}

// last returns the index of the last entry.
func (s *saved) last() uint64 { return s.base.index + uint64(len(s.entries)) }
