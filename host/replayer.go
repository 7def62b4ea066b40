package host

import (
	"context"
	"time"

	"amino.run/abi"
)

// A Replayer is the Env of a guest that is given what a Record holds: it calls no
// one, writes no log line and does not sleep. The configuration is that of its
// Env. Next and End enclose each call.
//
// A guest that asks for something else than was recorded is not the one that was
// recorded, or not in that state: its call is ended with an error of code Internal
// that says where. The instance has then failed.
type Replayer struct {
	Env
	items itemReader
}

var _ Env = (*Replayer)(nil)

// NewReplayer returns a Replayer at the beginning of r.
func NewReplayer(env Env, r *Record) *Replayer {
	return &Replayer{Env: env, items: itemReader{b: r.b}}
}

// Next begins the next call. If it was undone when it was recorded it returns
// the error of then, and true: the guest is not to be entered, and the call is over.
func (p *Replayer) Next() (undone error, ok bool) {
	if len(p.items.b) == 0 || p.items.b[0] != itemUndone {
		return nil, false
	}
	it, err := p.items.next()
	if err != nil {
		return err, true
	}
	return it.err(), true
}

// End ends a call by what the guest answered. It returns an error of code
// Internal if that is not what was recorded, or if the guest asked for less.
func (p *Replayer) End(out []byte, err error) error {
	it, fault := p.item(itemEnd)
	if fault == nil && it.sum != answerSum(out, err) {
		fault = p.differs("its answer is another")
	}
	return fault
}

// Rest returns an error of code Internal if there are more calls in the record
// than were made.
func (p *Replayer) Rest() error {
	if len(p.items.b) > 0 {
		return p.differs("there are more calls in the record")
	}
	return nil
}

func (p *Replayer) differs(why string) *abi.Error {
	return abi.Errorf(abi.Internal, "the replay differs from the record at item %d: %s", p.items.n, why)
}

// item reads the next item, which is to be of a kind.
func (p *Replayer) item(want byte) (it item, fault error) {
	if len(p.items.b) == 0 {
		p.items.n++
		return it, p.differs("the record ends where the guest has " + itemNames[want])
	}
	it, err := p.items.next()
	if err != nil {
		return it, abi.Errorf(abi.Internal, "%v", err)
	}
	if it.kind != want && !(want == itemValue && it.kind == itemFailure) {
		return it, p.differs("there is " + itemNames[it.kind] + " where the guest has " + itemNames[want])
	}
	return it, nil
}

// must is item for what the guest asks: a fault ends its call.
func (p *Replayer) must(want byte) item {
	it, fault := p.item(want)
	if fault != nil {
		panic(fault)
	}
	return it
}

// Time implements Nature.
func (p *Replayer) Time(c Clock, _ int64) int64 { return p.must(itemWall + byte(c)).time }

// Sleep implements Nature: what there was to wait for has happened.
func (p *Replayer) Sleep(time.Duration) time.Duration { return 0 }

// Random implements Nature.
func (p *Replayer) Random(b []byte) {
	it := p.must(itemRandom)
	if len(it.bytes) != len(b) {
		panic(p.differs("the guest asks for another number of random bytes"))
	}
	copy(b, it.bytes)
}

// Self implements Env.
func (p *Replayer) Self() Identity { return p.must(itemIdentity).who }

// Log implements Env: the line was written when the call was recorded.
func (p *Replayer) Log(int, string) {}

// Invoke implements Env.
func (p *Replayer) Invoke(_ context.Context, r abi.Request) ([]byte, error) {
	it := p.must(itemValue)
	if it.sum != requestSum(r) {
		panic(p.differs("the guest calls " + r.Target + "." + r.Name + ", or with other arguments"))
	}
	if it.kind == itemFailure {
		return nil, it.err()
	}
	return it.bytes, nil
}
