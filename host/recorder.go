package host

import (
	"context"
	"encoding/binary"

	"amino.run/abi"
)

// A Recorder is the Env of a guest whose calls are recorded: what it asks of
// Env is answered by that and appended to a Record. Begin and End enclose each call.
type Recorder struct {
	Env

	to    *Record
	start int  // of the call, in to
	over  bool // the call was given more than MaxRecord
	last  [2]int64
}

var _ Env = (*Recorder)(nil)

// Begin begins a call, which r gets the record of.
func (p *Recorder) Begin(r *Record) {
	p.to, p.start, p.over, p.last = r, len(r.b), false, [2]int64{}
}

// End ends a call by what the guest answered. It returns an error of code
// MemoryLimit if the call was given more than a record holds; the record is
// then as if there had been no call, and the caller must undo it, or not rely on
// the record.
func (p *Recorder) End(out []byte, err error) error {
	if p.over {
		p.to.b = p.to.b[:p.start]
		return abi.Errorf(abi.MemoryLimit, "the call was given more than %d MiB by other microservices and of random bytes, which is more than is kept of a call", MaxRecord>>20)
	}
	p.to.b = binary.LittleEndian.AppendUint32(append(p.to.b, itemEnd), answerSum(out, err))
	return nil
}

// Undone ends a call that was undone, or not made, with its error. The record has
// just that of it.
func (p *Recorder) Undone(err error) {
	p.to.b = appendFailure(append(p.to.b[:p.start], itemUndone), abi.AsError(err))
}

// room reports whether n more bytes, and a few, fit in.
func (p *Recorder) room(n int) bool {
	if !p.over && n > MaxRecord-(len(p.to.b)-p.start) {
		p.over = true
		p.to.b = p.to.b[:p.start:p.start] // what there was can be freed
	}
	return !p.over
}

// Time implements Nature.
func (p *Recorder) Time(c Clock, shown int64) int64 {
	t := p.Env.Time(c, shown)
	if p.room(binary.MaxVarintLen64) {
		p.to.b = binary.AppendVarint(append(p.to.b, itemWall+byte(c)), t-p.last[c])
		p.last[c] = t
	}
	return t
}

// Random implements Nature.
func (p *Recorder) Random(b []byte) {
	p.Env.Random(b)
	if p.room(len(b)) {
		p.to.b = appendBlob(append(p.to.b, itemRandom), b)
	}
}

// Self implements Env.
func (p *Recorder) Self() Identity {
	who := p.Env.Self()
	if p.room(len(who.Name) + len(who.ID) + len(who.Node)) {
		p.to.b = append(p.to.b, itemIdentity)
		for _, s := range []string{who.Name, who.ID, who.Node} {
			p.to.b = appendBlob(p.to.b, s)
		}
	}
	return who
}

// Invoke implements Env.
func (p *Recorder) Invoke(ctx context.Context, r abi.Request) ([]byte, error) {
	sum := requestSum(r) // others may keep, and change, the arguments
	value, err := p.Env.Invoke(ctx, r)
	e := abi.AsError(err)
	switch {
	case e == nil && p.room(len(value)):
		p.to.b = appendBlob(binary.LittleEndian.AppendUint32(append(p.to.b, itemValue), sum), value)
	case e != nil && p.room(len(e.Msg)):
		p.to.b = appendFailure(binary.LittleEndian.AppendUint32(append(p.to.b, itemFailure), sum), e)
	}
	if e != nil {
		return nil, e
	}
	return value, nil
}

func appendFailure(b []byte, e *abi.Error) []byte {
	return appendBlob(append(b, byte(e.Code), byte(e.State)), e.Msg)
}

func appendBlob[B []byte | string](b []byte, s B) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
