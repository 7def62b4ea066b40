package amino

import "unsafe"

// The call frame and the last reply. Both stay reachable here while the host
// knows their addresses; Go's collector does not move them.
var frameIn, replyOut []byte

//go:wasmexport amino_abi_v1
func version() {}

//go:wasmexport amino_alloc
func alloc(n uint32) unsafe.Pointer {
	if cap(replyOut) > keep {
		replyOut = nil
	}
	if uint32(cap(frameIn)) < n || cap(frameIn) > keep {
		frameIn = make([]byte, n)
	}
	frameIn = frameIn[:n]
	return unsafe.Pointer(unsafe.SliceData(frameIn))
}

//go:wasmexport amino_invoke
func invoke(_ unsafe.Pointer, n uint32) uint64 {
	if served == nil {
		replyOut = appendError(replyOut[:0], &Error{Internal, "the module serves nothing: call amino.Serve in an init function"})
		return answer(replyOut)
	}
	replyOut = served.handle(frameIn[:n], replyOut[:0])
	if cap(frameIn) > keep {
		frameIn = nil
	}
	return answer(replyOut)
}

//go:wasmexport amino_describe
func describe() uint64 {
	if served == nil {
		return 0
	}
	replyOut = served.manifest()
	return answer(replyOut)
}

//go:wasmexport amino_resume
func resume() {
	generator = nil
	if served == nil {
		return
	}
	for _, do := range served.resume {
		do()
	}
}

// answer names b as ABI.md has it: pointer << 32 | length.
func answer(b []byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))<<32 | uint64(len(b))
}
