package wazero

import (
	"context"

	"amino.run/abi"
	"amino.run/host"
)

// noArgs is an empty CBOR array.
var noArgs = []byte{0x80}

// Invoke implements host.Instance.
func (i *instance) Invoke(ctx context.Context, kind abi.Kind, flags uint8, method string, args []byte) ([]byte, error) {
	if len(args) == 0 {
		args = noArgs
	}
	n := abi.CallFrameSize(method, args)
	if len(method) > 0xffff || n > abi.MaxFrame {
		return nil, &host.NotMade{Why: abi.Errorf(abi.BadArgument, "a call of %d bytes; the limit is %d, and 65535 for the method's name", n, abi.MaxFrame)}
	}
	if err := i.ready(); err != nil {
		return nil, &host.NotMade{Why: err}
	}
	defer i.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, notMade(err)
	}
	i.functions()
	i.entry.begin(ctx)
	packed, err := i.exchange(kind, flags, method, args, n)
	i.entry.end()
	if err != nil {
		return nil, i.fail(err)
	}
	frame, err := i.reply(packed)
	if err != nil {
		return nil, i.fail(err)
	}
	return open(frame)
}

// notMade is the error of a call that came too late to be made.
func notMade(err error) error {
	e := *abi.AsError(err)
	e.Msg += "; the call was not made"
	return &host.NotMade{Why: &e}
}

func (i *instance) functions() {
	if i.alloc == nil {
		i.alloc = i.mod.ExportedFunction(abi.ExportAlloc)
		i.invoke = i.mod.ExportedFunction(abi.ExportInvoke)
	}
}

// exchange gives the guest a call frame of n bytes and returns what
// amino_invoke answers.
func (i *instance) exchange(kind abi.Kind, flags uint8, method string, args []byte, n int) (uint64, *abi.Error) {
	i.stack[0] = uint64(n)
	if err := i.alloc.CallWithStack(&i.entry, i.stack[:1]); err != nil {
		return 0, i.failure(err)
	}
	ptr := i.stack[0]
	frame, ok := i.mod.Memory().Read(uint32(ptr), uint32(n))
	if !ok {
		return 0, abi.Errorf(abi.BadReply, "amino_alloc answered %#x for %d bytes: outside the guest's memory of %d", uint32(ptr), n, i.mod.Memory().Size())
	}
	abi.AppendCall(frame[:0], kind, flags, method, args) // in place: frame has room for it
	i.stack[0], i.stack[1] = ptr, uint64(n)
	if err := i.invoke.CallWithStack(&i.entry, i.stack[:2]); err != nil {
		return 0, i.failure(err)
	}
	if i.mem.lost != nil {
		return 0, i.mem.exhausted()
	}
	return i.stack[0], nil
}

// reply returns a copy of the bytes that an i64 answer names, which are to be a
// reply frame that keeps to the ABI.
func (i *instance) reply(packed uint64) ([]byte, *abi.Error) {
	b, err := i.answer(packed)
	if err != nil {
		return nil, err
	}
	if len(b) < 2 {
		return nil, abi.Errorf(abi.BadReply, "the guest answered a frame of %d bytes; its header has 2", len(b))
	}
	if abi.Code(b[0]) == abi.OK && len(b) > 2 {
		if err := abi.Wellformed(b[2:]); err != nil {
			return nil, abi.Errorf(abi.BadReply, "the guest's result is broken: %v", err)
		}
	}
	return append([]byte(nil), b...), nil
}

// answer returns the bytes that an i64 answer names, not a copy.
func (i *instance) answer(packed uint64) ([]byte, *abi.Error) {
	ptr, n := uint32(packed>>32), uint32(packed)
	if n > abi.MaxFrame {
		return nil, abi.Errorf(abi.BadReply, "the guest answered %d bytes; the limit is %d", n, abi.MaxFrame)
	}
	if n == 0 {
		return nil, nil
	}
	b, ok := i.mod.Memory().Read(ptr, n)
	if !ok {
		return nil, abi.Errorf(abi.BadReply, "the guest answered %d bytes at %#x: outside its memory of %d", n, ptr, i.mod.Memory().Size())
	}
	return b, nil
}

// open returns what a frame holds: a value or the guest's own error.
func open(frame []byte) ([]byte, error) {
	if abi.Code(frame[0]) == abi.OK {
		return frame[2:], nil
	}
	e := &abi.Error{Code: abi.Code(frame[0]), State: abi.State(frame[1]), Msg: text(frame[2:])}
	if e.Code == abi.Moved {
		e.Code = abi.Application // kernels alone say it, and act on it
	}
	return nil, e
}

// Describe implements host.Instance.
func (i *instance) Describe(ctx context.Context) ([]byte, error) {
	if err := i.ready(); err != nil {
		return nil, err
	}
	defer i.mu.Unlock()
	f := i.mod.ExportedFunction(abi.ExportDescribe)
	if f == nil {
		return nil, nil
	}
	if err := i.enter(ctx, f, i.stack[:1]); err != nil {
		return nil, err
	}
	b, err := i.answer(i.stack[0])
	if err != nil {
		return nil, i.fail(err)
	}
	return append([]byte(nil), b...), nil
}
