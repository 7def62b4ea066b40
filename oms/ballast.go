package oms

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A ballast is a file that takes up room so that there is some to give up: when
// the disk is full it is dropped, what was being written is written, and nothing
// more is accepted until there is room for the ballast again.
type ballast struct {
	fs   vfs.FS
	name string
	size int

	mu    sync.Mutex
	ok    bool      // the file is there
	tried time.Time // when it was last not possible to make it
}

// drop gives the room up.
func (b *ballast) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ok = false
	_ = b.fs.Remove(b.name) // if it is not there, there is nothing to give up
}

// restore takes the room, if it does not have it, and reports whether it has.
func (b *ballast) restore() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ok {
		return true
	}
	if info, err := b.fs.Stat(b.name); err == nil && info.Size() == int64(b.size) {
		b.ok = true
		return true
	}
	if time.Since(b.tried) < time.Second {
		return false
	}
	if b.fill() != nil {
		_ = b.fs.Remove(b.name)
		b.tried = time.Now()
		return false
	}
	b.ok = true
	return true
}

func (b *ballast) fill() error {
	f, err := b.fs.Create(b.name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	chunk := make([]byte, min(b.size, 1<<20))
	for left := b.size; left > 0; left -= len(chunk) {
		if _, err := f.Write(chunk[:min(left, len(chunk))]); err != nil {
			_ = f.Close()
			return err
		}
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
