package wasm

// The instructions that Parse looks into (5.4); for all others it only knows
// what follows them.
const (
	opBlock              = 0x02
	opLoop               = 0x03
	opIf                 = 0x04
	opElse               = 0x05
	opThrow              = 0x08
	opThrowRef           = 0x0a
	opEnd                = 0x0b
	opBr                 = 0x0c
	opBrIf               = 0x0d
	opBrTable            = 0x0e
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opSelectTyped        = 0x1c
	opTryTable           = 0x1f
	opLocalGet           = 0x20
	opLocalTee           = 0x22
	opGlobalGet          = 0x23
	opGlobalSet          = 0x24
	opTableGet           = 0x25
	opTableSet           = 0x26
	opI32Load            = 0x28
	opI64Store32         = 0x3e
	opMemorySize         = 0x3f
	opMemoryGrow         = 0x40
	opI32Const           = 0x41
	opI64Const           = 0x42
	opF32Const           = 0x43
	opF64Const           = 0x44
	opI32LtS             = 0x48
	opI32Sub             = 0x6b
	opI32ShrU            = 0x76
	opLastPlain          = 0xc4
	opRefNull            = 0xd0
	opRefIsNull          = 0xd1
	opRefFunc            = 0xd2
	opMisc               = 0xfc
	opVector             = 0xfd
	opAtomic             = 0xfe
)

// Instructions after opMisc.
const (
	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

// vecConst is v128.const after opVector.
const vecConst = 12

const noExceptions = "it uses WebAssembly exceptions, which the engine cannot run safely yet: build it without them"

// foreign returns the reason why an instruction cannot be run here, or "".
func foreign(op byte) string {
	switch {
	case op == 0x06 || op == 0x07 || op == 0x09 || op == 0x18 || op == 0x19:
		return noExceptions
	case op == 0x14 || op == 0x15 || op >= 0xd3 && op <= 0xd6:
		return "it uses typed function references"
	case op >= 0xe0 && op <= 0xe6:
		return "it uses stack switching"
	case op == 0xfb:
		return "it needs a garbage-collecting engine (GC proposal)"
	case op == opAtomic:
		return "it uses atomic instructions: compile it without threads"
	}
	return ""
}
