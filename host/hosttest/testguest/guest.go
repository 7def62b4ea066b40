// Package testguest makes the guest that engines are tested with.
package testguest

import (
	"encoding/binary"

	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm" //lint:ignore ST1001 instructions read better bare
)

// Where the guest keeps things in its memory.
const (
	counterAt = 8        // i64: how often count was called
	replyAt   = 64       // a reply frame
	hourAt    = 512      // what poll_oneoff is to wait for
	frameAt   = 64 << 10 // the call frame
	Pages     = 2        // memory at first
	methodAt  = 4        // in a call frame
	argsAt    = 5        // methods have names of one letter
)

// Binary returns a module with one method for each thing a guest can do well or
// badly. The constructor answers its kind and flags. Methods have names of one
// letter; those that answer a number answer 8 bytes, little-endian.
//
//	c  count: adds 1 to a global and to a word of memory, and answers their sum
//	e  echo: answers its arguments
//	E  an application error, "no"
//	g  grows memory by a page, writes to its last byte, answers the size in pages
//	G  grows memory until that fails, then traps
//	H  grows memory until that fails, then answers the size in pages
//	t  traps
//	l  loops for ever
//	f  fills memory for ever
//	r  calls itself for ever
//	n  loops 1000 times
//	x  exits with code 3
//	o  answers bytes outside its memory
//	b  answers broken CBOR
//	h  answers a frame of 4 GiB - 1
//	s  answers a frame of 1 byte
//	p  asks for random bytes outside its memory
//	k  takes an answer where none waits
//	i  sends the request frame in its arguments, and answers the reply frame
//	I  the same, then traps
//	w  the same, then loops for ever
//	m  answers the monotonic clock
//	R  answers 8 random bytes
//	v  answers what config says of the key in its arguments, as a text of at most 23 bytes
//	W  answers what self says
//	L  logs its arguments at level 2
//	P  writes its arguments to standard output
//	z  sleeps for an hour
//	C  closes standard output
func Binary() []byte {
	g := &guest{}
	g.build()
	return g.Bytes()
}

type guest struct {
	Module
	invoke, take, self, config, log, random, exit, clock, write, poll, close, recurse int
	calls, boots                                                                      int // globals
}

var (
	none = []wasm.ValType{}
	i1   = []wasm.ValType{I32}
	i2   = []wasm.ValType{I32, I32}
	i3   = []wasm.ValType{I32, I32, I32}
	l1   = []wasm.ValType{I64}
)

// Locals of amino_invoke: the frame, its length, and two to work with.
const ptr, size, a, b = 0, 1, 2, 3

func (g *guest) build() {
	g.invoke = g.Import("amino", "invoke", i2, i1)
	g.take = g.Import("amino", "take", i1, none)
	g.self = g.Import("amino", "self", none, i1)
	g.config = g.Import("amino", "config", i2, i1)
	g.log = g.Import("amino", "log", i3, none)
	g.random = g.Import("amino", "random", i2, none)
	g.exit = g.Import("wasi_snapshot_preview1", "proc_exit", i1, none)
	g.clock = g.Import("wasi_snapshot_preview1", "clock_time_get", []wasm.ValType{I32, I64, I32}, i1)
	g.write = g.Import("wasi_snapshot_preview1", "fd_write", []wasm.ValType{I32, I32, I32, I32}, i1)
	g.poll = g.Import("wasi_snapshot_preview1", "poll_oneoff", []wasm.ValType{I32, I32, I32, I32}, i1)
	g.close = g.Import("wasi_snapshot_preview1", "fd_close", i1, i1)
	g.Memory(Pages, -1)
	g.Export("memory", wasm.Memory, 0)
	g.calls = g.Global(I64, true, I64Const(0))
	g.boots = g.Global(I32, true, I32Const(0))
	g.Data(32, []byte("a data segment"))
	g.Data(hourAt+16, []byte{1})                                       // of the monotonic clock
	g.Data(hourAt+24, binary.LittleEndian.AppendUint64(nil, 3600*1e9)) // and so long
	g.Func("amino_abi_v1", none, none, nil)
	g.recurse = g.nImportsAndFuncs()
	g.Func("", none, none, nil, Call(g.recurse))
	g.Start(g.Func("", none, none, nil, GlobalGet(g.boots), I32Const(1), I32Add, GlobalSet(g.boots)))
	g.Func("_initialize", none, none, nil, GlobalGet(g.boots), I32Const(16), I32Add, GlobalSet(g.boots))
	g.Func("amino_resume", none, none, nil, GlobalGet(g.boots), I32Const(256), I32Add, GlobalSet(g.boots))
	g.Func("amino_alloc", i1, i1, nil, // one frame at a time, always in the same place
		Block, Empty,
		LocalGet(0), I32Const(frameAt), I32LtU, BrIf(0),
		LocalGet(0), I32Const(16), 0x76, MemoryGrow, 0, Drop,
		End,
		I32Const(frameAt))
	g.Func("amino_invoke", i2, l1, i2, g.methods(), Unreachable)
	g.Func("amino_describe", none, l1, nil, I32Const(replyAt), I32Const('{'), Store8(0),
		I32Const(replyAt), I32Const('}'), Store8(1), answer(2))
}

func (g *guest) nImportsAndFuncs() int { return 12 } // eleven imports, amino_abi_v1

// answer leaves n bytes at replyAt as the result.
func answer(n int) []byte { return I64Const(replyAt<<32 | n) }

// number answers 8 bytes; code leaves them, an i64, on the stack.
func number(code ...any) []byte {
	return Code(I32Const(replyAt), Code(code...), Store64(3),
		I32Const(replyAt), I32Const(0), Store16(0),
		I32Const(replyAt), I32Const(0x48), Store8(2), // a byte string of 8
		answer(11))
}

// args leaves the place and length of the arguments on the stack.
func args() []byte {
	return Code(LocalGet(ptr), I32Const(argsAt), I32Add, LocalGet(size), I32Const(argsAt), I32Sub)
}

// packed makes the i32 place and length on the stack the result, through local b.
func packed() []byte {
	return Code(LocalSet(b), I64ExtendU, I64Const(32), I64Shl, LocalGet(b), I64ExtendU, I64Or)
}

func forever(code ...any) []byte { return Code(Loop, Empty, Code(code...), Br(0), End) }

func (g *guest) methods() []byte {
	send := Code(args(), Call(g.invoke), LocalSet(a), I32Const(1024), Call(g.take))
	grow := Code(I32Const(1), MemoryGrow, 0, LocalTee(a), I32Const(-1), I32Eq)
	untilFull := Code(Block, Empty, forever(grow, BrIf(1)), End)
	memory := Code(MemorySize, 0, I64ExtendU)
	return Code(
		LocalGet(ptr), Load8(0), If, Empty,
		I32Const(replyAt), I32Const(0x42<<16), Store32(0),
		I32Const(replyAt), LocalGet(ptr), 0x2f, 0, 0, Store16(3), // i32.load16_u
		answer(5), Return, End,
		method('c',
			I32Const(counterAt), I32Const(counterAt), Load64(0), I64Const(1), I64Add, Store64(0),
			GlobalGet(g.calls), I64Const(1), I64Add, GlobalSet(g.calls),
			number(GlobalGet(g.calls), I32Const(counterAt), Load64(0), I64Add, GlobalGet(g.boots), I64ExtendU, I64Const(32), I64Shl, I64Or)),
		method('e', // the reply's header takes the place of the last of the call's
			LocalGet(ptr), I32Const(0), Store16(3),
			LocalGet(ptr), I32Const(3), I32Add, LocalGet(size), I32Const(3), I32Sub, packed()),
		method('E', I32Const(replyAt), I32Const('n'<<16|'o'<<24|1), Store32(0), answer(4)),
		method('g', grow, Drop,
			MemorySize, 0, I32Const(16), 0x74, I32Const(1), I32Sub, I32Const(7), Store8(0),
			number(memory)),
		method('G', untilFull, Unreachable),
		method('H', untilFull, number(memory)),
		method('t', Unreachable),
		method('l', forever(), Unreachable),
		method('f', forever(I32Const(frameAt), I32Const(1), I32Const(32<<10), 0xfc, 11, 0), Unreachable),
		method('r', Call(g.recurse), Unreachable),
		method('n', Loop, Empty, LocalGet(a), I32Const(1), I32Add, LocalTee(a), I32Const(1000), I32LtU, BrIf(0), End, number(I64Const(0))),
		method('x', I32Const(3), Call(g.exit), Unreachable),
		method('o', I64Const(0x7fff_0000<<32|16)),
		method('b', I32Const(replyAt), I32Const(0x82<<16), Store32(0), answer(3)),
		method('h', I64Const(replyAt<<32|0xffff_ffff)),
		method('s', answer(1)),
		method('p', I32Const(-16), I32Const(17), Call(g.random), Unreachable),
		method('k', I32Const(0), Call(g.take), Unreachable),
		method('i', send, I32Const(1024), LocalGet(a), packed()),
		method('I', send, Unreachable),
		method('w', send, forever(), Unreachable),
		method('m', I32Const(1), I64Const(0), I32Const(256), Call(g.clock), Drop, number(I32Const(256), Load64(0))),
		method('R', I32Const(256), I32Const(8), Call(g.random), number(I32Const(256), Load64(0))),
		method('v', args(), Call(g.config), LocalTee(a), I32Const(-1), I32Eq, If, Empty, g.null(), Return, End,
			I32Const(replyAt+3), Call(g.take),
			I32Const(replyAt), I32Const(0), Store16(0),
			I32Const(replyAt), LocalGet(a), I32Const(0x60), I32Or, Store8(2),
			I32Const(replyAt), LocalGet(a), I32Const(3), I32Add, packed()),
		method('W', Call(g.self), LocalSet(a), I32Const(replyAt+2), Call(g.take),
			I32Const(replyAt), I32Const(0), Store16(0),
			I32Const(replyAt), LocalGet(a), I32Const(2), I32Add, packed()),
		method('P', args(), LocalSet(b), LocalSet(a), // as an iovec
			I32Const(256), LocalGet(a), Store32(0), I32Const(256), LocalGet(b), Store32(4),
			I32Const(1), I32Const(256), I32Const(1), I32Const(264), Call(g.write), Drop, g.null()),
		method('z', I32Const(hourAt), I32Const(256), I32Const(1), I32Const(320), Call(g.poll), Drop, g.null()),
		method('C', I32Const(1), Call(g.close), Drop, g.null()),
		method('L', I32Const(2), args(), Call(g.log), g.null()),
		Code(I32Const(replyAt), I32Const(7), Store16(0), answer(2), Return), // unknown method
	)
}

func (g *guest) null() []byte { return Code(I32Const(replyAt), I32Const(0), Store16(0), answer(2)) }

// method runs code, which leaves the result, if the call is of a method.
func method(name byte, code ...any) []byte {
	return Code(LocalGet(ptr), Load8(methodAt), I32Const(int(name)), I32Eq, If, Empty, Code(code...), Return, End)
}
