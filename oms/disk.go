package oms

import (
	"errors"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/abi"
)

// makeDir makes a directory and those above it, so that they outlive a power cut.
func makeDir(fs vfs.FS, dir string) error {
	parent := filepath.Dir(dir)
	if _, err := fs.Stat(dir); err == nil || parent == dir {
		return err
	}
	if err := makeDir(fs, parent); err != nil {
		return err
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return syncDir(fs, parent)
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// storageError gives an error of the disk its code.
func storageError(err error) error {
	if e := (*abi.Error)(nil); errors.As(err, &e) {
		return err
	}
	return abi.Errorf(abi.Storage, "the OMS's disk: %v", err)
}
