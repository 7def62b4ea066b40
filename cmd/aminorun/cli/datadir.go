package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"amino.run/abi"
)

// errLocked is what lock returns for a file that another process holds.
var errLocked = errors.New("locked")

// openData makes a server's data directory if it is not there, and holds it for
// this process alone until release.
func openData(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, abi.Errorf(abi.Storage, "the data directory cannot be made: %v; name another with --data", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, abi.Errorf(abi.Storage, "the data directory cannot be written: %v; name another with --data", err)
	}
	if err := lock(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, abi.Errorf(abi.Storage, "the data directory %s cannot be locked: %v", dir, err)
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 20)) // only to say more
		return nil, abi.Errorf(abi.Exists, "the data directory %s is in use by another process (%s); name another with --data, or end that one",
			dir, strings.TrimSpace(string(holder)))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(f, "pid %d\n", os.Getpid())
	}
	if err != nil {
		f.Close()
		return nil, abi.Errorf(abi.Storage, "the data directory cannot be written: %v; free space, or name another with --data", err)
	}
	return f.Close, nil
}
