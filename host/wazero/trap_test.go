package wazero

import (
	"context"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest"
	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
)

// guest returns a module whose amino_invoke is the code, which may call the
// function 0, outer; that calls inner, which traps.
func guest(names string, code ...any) []byte {
	i32s := []wasm.ValType{I32}
	m := &Module{}
	m.Memory(1, 1)
	m.Export("memory", wasm.Memory, 0)
	m.Func("", nil, nil, nil, Call(1))
	m.Func("", nil, nil, nil, Unreachable)
	m.Func("amino_abi_v1", nil, nil, nil)
	m.Func("amino_alloc", i32s, i32s, nil, I32Const(1024))
	m.Func("amino_invoke", []wasm.ValType{I32, I32}, []wasm.ValType{I64}, nil, code...)
	if names != "" {
		m.Custom("name", []byte(names))
	}
	return m.Bytes()
}

func fails(t *testing.T, module []byte) *abi.Error {
	_, m := hosttest.Compile(t, engine(t, Options{}), module)
	i := hosttest.Start(t, m, host.Config{}, nil)
	_, err := i.Invoke(context.Background(), abi.Method, 0, "x", nil)
	return abi.AsError(err)
}

func TestTrapNamesFunctions(t *testing.T) {
	call := Code(Call(0), I64Const(0))
	names := string(wasm.AppendSection(nil, 1, Code(3, 0, 5, []byte("outer"), 1, 16, []byte("inner<i32>(a, b)"), 4, 6, []byte("invoke"))))
	for _, c := range []struct{ names, want string }{
		{names, "the guest trapped: unreachable (in inner<i32>(a, b), called by outer, called by invoke)"},
		{"", "the guest trapped: unreachable"},
		{names[:len(names)-3], "the guest trapped: unreachable"},
	} {
		if err := fails(t, guest(c.names, call)); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestTraps(t *testing.T) {
	for want, code := range map[string][]byte{
		"the guest trapped: out of bounds memory access": Code(I32Const(-1), Load8(0), Drop, I64Const(0)),
		"the guest trapped: integer divide by zero":      Code(I64Const(1), I64Const(0), 0x80),
	} {
		if err := fails(t, guest("", code)); err == nil || err.Code != abi.Trap || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestGuestCannotSayMoved: an error that only kernels make is not believed.
func TestGuestCannotSayMoved(t *testing.T) {
	err := fails(t, guest("", I32Const(64), I32Const(int(abi.Moved)), Store16(0), I64Const(64<<32|2)))
	if err == nil || err.Code != abi.Application {
		t.Error(err)
	}
}

// TestAllocOutside has an amino_alloc that answers the last byte of memory.
func TestAllocOutside(t *testing.T) {
	i32s := []wasm.ValType{I32}
	m := &Module{}
	m.Memory(1, 1)
	m.Export("memory", wasm.Memory, 0)
	m.Func("amino_abi_v1", nil, nil, nil)
	m.Func("amino_alloc", i32s, i32s, nil, I32Const(host.PageSize-1))
	m.Func("amino_invoke", []wasm.ValType{I32, I32}, []wasm.ValType{I64}, nil, I64Const(0))
	if err := fails(t, m.Bytes()); err == nil || err.Code != abi.BadReply {
		t.Error(err)
	}
}
