package cli

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock takes f for this open file alone, until it is closed or the process ends.
// What is locked is one byte far behind the end, so that others can read the rest.
func lock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}
