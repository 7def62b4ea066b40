package wazero

// Answers of WASI.
const (
	success      = 0
	badFile      = 8
	notSupported = 58
)

// closeFile is fd_close. It leaves the three files there are as they are: a file
// that is closed would be state outside the guest's memory, which no snapshot has.
func closeFile(_ *entry, stack []uint64) {
	if uint32(stack[0]) > 2 {
		stack[0] = badFile
		return
	}
	stack[0] = success
}

// renumberFile is fd_renumber, which cannot be, for the same reason.
func renumberFile(_ *entry, stack []uint64) { stack[0] = notSupported }
