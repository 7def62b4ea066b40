package host

import (
	"bytes"

	"amino.run/abi"
	"amino.run/internal/wasm"
)

// BeginAt returns a module changed so that its guests begin in a state that one of
// them reached: img, which is of this module. What was done to reach it, such as
// starting an interpreter and reading a program, is then done once and not by each. The
// module does not export _initialize any more. Its error is of code Refused.
func BeginAt(module []byte, img *Image) ([]byte, error) {
	m, err := wasm.Parse(module)
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "the module is refused: %v", err)
	}
	if len(m.Reasons) > 0 || len(m.MutableGlobals()) != len(img.Globals) {
		return nil, abi.Errorf(abi.Refused, "the state is not one of this module")
	}
	st := wasm.State{Pages: img.Pages, Globals: img.Globals}
	for _, c := range img.chunks {
		st.Data = appendData(st.Data, c)
	}
	return m.Begin(st, abi.ExportInit), nil
}

// gap is how many zeros between two parts of memory make two segments of them.
const gap = 16

// appendData appends what is in a chunk, less long runs of zeros.
func appendData(data []wasm.Data, c Chunk) []wasm.Data {
	for at := 0; at < len(c.Data); at++ {
		if c.Data[at] == 0 {
			continue
		}
		part := c.Data[at:]
		if n := bytes.Index(part, zeros[:gap]); n >= 0 {
			part = part[:n]
		}
		part = bytes.TrimRight(part, "\x00")
		data = append(data, wasm.Data{Offset: uint32(c.Off) + uint32(at), Bytes: part})
		at += len(part)
	}
	return data
}
