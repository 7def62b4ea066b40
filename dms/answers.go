package dms

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"amino.run/abi"
)

// How much Answers remember.
const (
	maxAnswers     = 4096
	maxAnswerBytes = 1 << 20
)

// idsPerLife is how many bits of a call's ID count the calls of one life of a node.
const idsPerLife = 40

// Answers make a call that is sent again run once: they remember what the last calls
// were answered, some thousands of them and a megabyte, whoever made them. A call
// that is older than all that is remembered of its caller, and is not there, is
// refused with abi.ErrUnavailable: it may have run.
//
// For that they have, beside the answers, one number for each life of a node that
// ever called. They are a cell; the apply of a [Log] asks and changes them, so that
// they are the same at every replica. The zero value is empty. They are used by one
// goroutine at a time.
type Answers struct {
	order   []answer // oldest first, from head on
	head    int
	places  map[callKey]int   // in order
	horizon map[string]uint64 // by caller: the greatest ID forgotten
	size    int               // bytes of what is remembered
}

// A callKey says which call it is.
type callKey struct {
	From string // a life of a node, in which IDs go up
	ID   uint64
}

// An answer is the outcome of a call.
type answer struct {
	Call callKey
	Out  []byte
	Err  *abi.Error
}

// Once carries out call by next, or answers it from memory. What did not run, or was
// undone, is not remembered, and runs when it is sent again. A readonly call and
// Replace pass.
func (a *Answers) Once(ctx context.Context, call Call, next Handler) ([]byte, error) {
	if call.ReadOnly || call.Verb == Replace {
		return next(ctx, call)
	}
	key := keyOf(call)
	if i, ok := a.places[key]; ok {
		x := a.order[i]
		if x.Err != nil {
			return x.Out, x.Err
		}
		return x.Out, nil
	}
	if call.ID <= a.horizon[key.From] {
		return nil, abi.Errorf(abi.Unavailable, "the call may have run before: answers of calls this old are forgotten")
	}
	out, err := next(ctx, call)
	switch abi.CodeOf(err).Fate() {
	case abi.NotRun, abi.Undone:
	default:
		a.remember(answer{key, bytes.Clone(out), abi.AsError(err)})
	}
	return out, err
}

func keyOf(call Call) callKey {
	return callKey{call.From.ID + "/" + strconv.FormatUint(call.ID>>idsPerLife, 36), call.ID}
}

func (a *Answers) remember(x answer) {
	if a.places == nil {
		a.places, a.horizon = map[callKey]int{}, map[string]uint64{}
	}
	a.places[x.Call] = len(a.order)
	a.order = append(a.order, x)
	a.size += x.bytes()
	for n := len(a.order) - a.head; n > 1 && (n > maxAnswers || a.size > maxAnswerBytes); n-- {
		a.forget()
	}
	if a.head > maxAnswers { // as much is empty as is not
		a.order = slices.Clone(a.order[a.head:])
		for i, y := range a.order {
			a.places[y.Call] = i
		}
		a.head = 0
	}
}

// forget forgets the oldest answer.
func (a *Answers) forget() {
	x := &a.order[a.head]
	a.head++
	a.size -= x.bytes()
	delete(a.places, x.Call)
	a.horizon[x.Call.From] = max(a.horizon[x.Call.From], x.Call.ID)
	*x = answer{}
}

func (x *answer) bytes() int {
	n := len(x.Out) + 64
	if x.Err != nil {
		n += len(x.Err.Msg)
	}
	return n
}

// keptAnswers are Answers as they are kept.
type keptAnswers struct {
	Order   []answer
	Horizon map[string]uint64
}

// MarshalCBOR implements cbor.Marshaler.
func (a *Answers) MarshalCBOR() ([]byte, error) {
	return abi.Encode(keptAnswers{a.order[a.head:], a.horizon})
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (a *Answers) UnmarshalCBOR(b []byte) error {
	var k keptAnswers
	if err := abi.Decode(b, &k); err != nil {
		return err
	}
	*a = Answers{}
	for _, x := range k.Order {
		a.remember(x)
	}
	if a.places != nil {
		a.horizon = k.Horizon
	}
	return nil
}
