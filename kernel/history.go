package kernel

import (
	"encoding/binary"

	"amino.run/dms"
	"amino.run/host"
)

// A history is the calls of a guest since its last capture, with what the host
// gave them: enough to make them again.
type history struct {
	calls  []byte // flags u8, length and method, length and arguments; lengths are varints
	record host.Record
	n      int
	fuel   uint64 // that they used
	gap    bool   // a call is missing
}

// The bounds of a history. A capture takes time in proportion to the guest's
// memory: some microseconds for a small guest in C, hundreds for one in Go. So what
// may be between two of them grows with memory, too. Going back, which is rare, takes
// about as long as the calls took: with the bounds below some 20 ms, and 130 ms more
// for 64 MiB of memory.
const (
	historyBytes = 64 << 10 // and an eighth of memory
	historyFuel  = 20 << 20 // and two for each byte of memory; a unit is about 1 ns
	perCall      = 32       // what a call counts besides its bytes
)

// add adds a call that used fuel, of a guest with so much memory in bytes, unless it
// alone is past the bounds. It reports whether more may follow.
func (h *history) add(call *dms.Call, given *host.Record, fuel, memory uint64) bool {
	room := historyBytes + int(memory/8)
	if size := len(call.Args) + len(given.Bytes()); size > room {
		h.gap = true
		return false
	}
	var flags byte
	if call.ReadOnly {
		flags = 1
	}
	b := binary.AppendUvarint(append(h.calls, flags), uint64(len(call.Method)))
	b = binary.AppendUvarint(append(b, call.Method...), uint64(len(call.Args)))
	h.calls = append(b, call.Args...) // a copy: callers use theirs again
	h.record.Append(given)
	h.n++
	h.fuel += fuel
	return len(h.calls)+len(h.record.Bytes())+perCall*h.n <= room && h.fuel <= historyFuel+2*memory
}

// reset begins anew after a capture.
func (h *history) reset() {
	*h = history{calls: h.calls[:0], record: h.record}
	h.record.Reset()
}

// each calls f with each call, until it returns an error.
func (h *history) each(f func(call dms.Call) error) error {
	for b := h.calls; len(b) > 0; {
		call := dms.Call{ReadOnly: b[0] == 1}
		var s []byte
		s, b = cut(b[1:])
		call.Method = string(s)
		call.Args, b = cut(b)
		if err := f(call); err != nil {
			return err
		}
	}
	return nil
}

// cut takes a length and so many bytes off b.
func cut(b []byte) (s, rest []byte) {
	size, n := binary.Uvarint(b)
	return b[n : n+int(size)], b[n+int(size):]
}
