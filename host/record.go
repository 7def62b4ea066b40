package host

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"amino.run/abi"
)

// MaxRecord is the most that the record of one call holds, in bytes.
const MaxRecord = 64 << 20

// A Record is what the host gave a guest during a call, or several: times, random
// bytes, answers of other microservices, who it is; and a sum of what the guest
// answered. From the same state, the same calls with the same record lead to the
// same state, byte for byte, at any host of the same kind of processor: where a
// guest keeps the bits of a NaN that it computed, those differ between kinds.
//
// What is not in it is the same everywhere (the configuration, fuel, the memory
// limit), or reaches no guest (log lines), or undoes the call (a deadline). A call
// that was undone is one item: it gave the guest nothing, as it turned out.
//
// The zero value is empty. A Recorder appends to it, a Replayer reads it.
type Record struct{ b []byte }

// The form of a record: items, each a byte that says which, and then, with
// numbers as varints unless a size is given:
//
//	wall, monotonic  the difference to the last such time of the call, signed
//	random           length and bytes
//	identity         three lengths and strings: name, ID, node
//	value            sum u32 of the request, length and bytes of the answer
//	failure          sum u32 of the request, code u8, state u8, length and text
//	end              sum u32 of what the guest answered: its call is over
//	undone           code u8, state u8, length and text: so was a call undone
//
// Each call is any number of the others and an end, or an undone alone.
const (
	itemWall = 1 + iota
	itemMonotonic
	itemRandom
	itemIdentity
	itemValue
	itemFailure
	itemEnd
	itemUndone
)

var itemNames = [...]string{"nothing", "the wall clock", "the monotonic clock", "random bytes", "its identity",
	"a call's value", "a call's error", "the end of its call", "a call that was undone"}

// Bytes returns the record in the form that ParseRecord reads; not a copy.
func (r *Record) Bytes() []byte { return r.b }

// ParseRecord reads what Bytes returned; it keeps b. Its error is of code Storage.
func ParseRecord(b []byte) (*Record, error) {
	d := itemReader{b: b}
	inside := false
	for len(d.b) > 0 {
		it, err := d.next()
		if err != nil {
			return nil, err
		}
		if it.kind == itemUndone && inside {
			return nil, d.broken("a call ends and is undone")
		}
		inside = it.kind != itemEnd && it.kind != itemUndone
	}
	if inside {
		return nil, d.broken("its last call has no end")
	}
	return &Record{b}, nil
}

// Append appends the calls of s.
func (r *Record) Append(s *Record) { r.b = append(r.b, s.b...) }

// Clone returns a copy.
func (r *Record) Clone() *Record { return &Record{slices.Clone(r.b)} }

// Reset empties the record. Its memory is used again: what Bytes returned changes.
func (r *Record) Reset() { r.b = r.b[:0] }

// An item is one thing the host gave. Which fields are set depends on kind.
type item struct {
	kind  byte
	time  int64
	sum   uint32
	bytes []byte
	code  abi.Code
	state abi.State
	who   Identity
}

// err is the error of an item that has one.
func (it *item) err() *abi.Error {
	return &abi.Error{Code: it.code, State: it.state, Msg: string(it.bytes)}
}

// An itemReader reads the items of a record, which is not believed.
type itemReader struct {
	b    []byte
	n    int      // items read
	last [2]int64 // by Clock
}

func (d *itemReader) broken(why string) error {
	return abi.Errorf(abi.Storage, "the record of a call is broken at item %d: %s", d.n, why)
}

// next reads an item. There is at least one byte.
func (d *itemReader) next() (it item, err error) {
	it.kind = d.b[0]
	d.b = d.b[1:]
	d.n++
	ok := true
	switch it.kind {
	case itemWall, itemMonotonic:
		diff, n := binary.Varint(d.b)
		if ok = n > 0; ok {
			d.b = d.b[n:]
			last := &d.last[it.kind-itemWall]
			*last += diff
			it.time = *last
		}
	case itemRandom:
		it.bytes, ok = d.blob()
	case itemIdentity:
		for _, s := range []*string{&it.who.Name, &it.who.ID, &it.who.Node} {
			var b []byte
			if b, ok = d.blob(); !ok {
				break
			}
			*s = string(b)
		}
	case itemValue, itemFailure, itemEnd:
		if ok = len(d.b) >= 4; !ok {
			break
		}
		it.sum = binary.LittleEndian.Uint32(d.b)
		d.b = d.b[4:]
		switch it.kind {
		case itemValue:
			it.bytes, ok = d.blob()
		case itemFailure:
			ok = d.failure(&it)
		}
	case itemUndone:
		ok = d.failure(&it)
	default:
		return it, d.broken("there is no such kind")
	}
	if !ok {
		return it, d.broken("it ends too early")
	}
	if it.kind >= itemEnd {
		d.last = [2]int64{}
	}
	return it, nil
}

// blob reads a length and so many bytes, not a copy.
func (d *itemReader) blob() ([]byte, bool) {
	size, n := binary.Uvarint(d.b)
	if n <= 0 || size > uint64(len(d.b)-n) {
		return nil, false
	}
	b := d.b[n : n+int(size) : n+int(size)]
	d.b = d.b[n+int(size):]
	return b, true
}

func (d *itemReader) failure(it *item) (ok bool) {
	if len(d.b) < 2 {
		return false
	}
	it.code, it.state = abi.Code(d.b[0]), abi.State(d.b[1])
	d.b = d.b[2:]
	it.bytes, ok = d.blob()
	return ok
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// requestSum tells a request from another.
func requestSum(r abi.Request) uint32 {
	head := [5]byte{byte(r.Kind)}
	binary.LittleEndian.PutUint16(head[1:], uint16(len(r.Target)))
	binary.LittleEndian.PutUint16(head[3:], uint16(len(r.Name)))
	sum := crc32.Update(0, castagnoli, head[:])
	for _, b := range [][]byte{[]byte(r.Target), []byte(r.Name), r.Args} {
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum
}

// answerSum tells what a guest answered from anything else.
func answerSum(out []byte, err error) uint32 {
	if e := abi.AsError(err); e != nil {
		return crc32.Update(crc32.Update(1, castagnoli, []byte{byte(e.Code)}), castagnoli, []byte(e.Msg))
	}
	return crc32.Update(0, castagnoli, out)
}
