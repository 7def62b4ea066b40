package raftlog

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"amino.run/abi"
)

// A Disk keeps the logs of a kernel's replicas, in one database, so that writes of
// different replicas that come at the same time share one sync. It may be used by
// many goroutines at once.
//
// A write or sync that fails is the end of the disk: no one knows what of it is
// there, so nothing is written after it, and every log on it fails. The process
// goes on.
type Disk struct {
	db     *pebble.DB
	fs     vfs.FS
	dir    string
	err    atomic.Pointer[abi.Error]
	done   chan struct{} // closed when the writer has ended
	full   atomic.Bool
	looked atomic.Int64 // when full was found out, Unix nanoseconds

	mu     sync.Mutex
	wake   sync.Cond // of the writer
	queue  []write
	busy   bool // someone writes
	closed bool
	logs   map[string]*Log // open, by name
}

// A write is what one log puts into a batch, and who is told what became of it.
type write struct {
	fill func(b *pebble.Batch) error
	done func(error) // called in order; it does not wait

	helped bool // who submits it calls Help
}

// OpenDisk opens the database in dir, making it at first use.
func OpenDisk(dir string) (*Disk, error) { return openDisk(vfs.Default, dir, memTable) }

// memTable is how much pebble collects before it makes a table of it, in bytes: much
// of the log is dropped again by then.
const memTable = 16 << 20

func openDisk(fs vfs.FS, dir string, memTable uint64) (*Disk, error) {
	d := &Disk{fs: fs, dir: dir, done: make(chan struct{}), logs: map[string]*Log{}}
	d.wake.L = &d.mu
	if err := makeDir(fs, dir); err != nil {
		return nil, storageError(err)
	}
	db, err := pebble.Open(dir, &pebble.Options{
		FS:                 fs,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       memTable,
		Logger:             logger{d},
	})
	if err != nil {
		return nil, storageError(fmt.Errorf("cannot open %s: %w; is another kernel using it?", dir, err))
	}
	d.db = db
	go d.write()
	return d, nil
}

// Close writes what waits and ends the disk. The logs on it are closed. A disk that
// failed is left as it is.
func (d *Disk) Close() error {
	d.mu.Lock()
	was := d.closed
	d.closed = true
	d.wake.Signal()
	d.mu.Unlock()
	<-d.done
	if was || d.err.Load() != nil {
		return nil
	}
	return d.db.Close()
}

// submit queues a write. It does not wait.
func (d *Disk) submit(w write) {
	d.mu.Lock()
	err := d.usable()
	if err == nil {
		d.queue = append(d.queue, w)
		if !d.busy && !w.helped {
			d.wake.Signal()
		}
	}
	d.mu.Unlock()
	if err != nil {
		go w.done(err) // the caller may hold what done needs
	}
}

func (d *Disk) usable() error {
	if e := d.err.Load(); e != nil {
		return e
	}
	if d.closed {
		return abi.Errorf(abi.Unavailable, "the disk of the logs is closed")
	}
	return nil
}

// sync writes and waits until it is on the disk.
func (d *Disk) sync(fill func(b *pebble.Batch) error) error {
	done := make(chan error, 1)
	d.submit(write{fill: fill, done: func(err error) { done <- err }})
	return <-done
}

// write is the writer: it takes the writes that wait, syncs once, and tells.
func (d *Disk) write() {
	defer close(d.done)
	for {
		d.mu.Lock()
		for (d.busy || len(d.queue) == 0) && !(d.closed && !d.busy) {
			d.wake.Wait()
		}
		batch := d.take()
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		d.put(batch)
	}
}

// Help writes what waits, if no one else is writing: it spares one who waits for it
// two switches of goroutines. What comes meanwhile is left to the writer.
func (d *Disk) Help() {
	d.mu.Lock()
	var batch []write
	if !d.busy {
		batch = d.take()
	}
	d.mu.Unlock()
	if len(batch) > 0 {
		d.put(batch)
	}
}

// take takes all that waits, to put it. mu is held.
func (d *Disk) take() []write {
	batch := d.queue
	d.queue, d.busy = nil, len(batch) > 0
	return batch
}

// put writes a batch, syncs once, and tells.
func (d *Disk) put(batch []write) {
	err := errGaveUp
	defer func() { // also where pebble ends the goroutine
		if err != nil {
			d.fail(err)
			err = d.Err()
		}
		for _, w := range batch {
			w.done(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.busy = false
		if len(d.queue) > 0 || d.closed {
			d.wake.Signal()
		}
	}()
	now := d.Err()
	if now == nil {
		now = d.commit(batch)
	}
	err = now
}

var errGaveUp = errors.New("the database gave up")

func (d *Disk) commit(ws []write) (err error) {
	defer func() { // pebble panics where it cannot go on: see Fatalf
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	b := d.db.NewBatch()
	defer b.Close()
	for _, w := range ws {
		if err := w.fill(b); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// fail ends the disk.
func (d *Disk) fail(why any) {
	d.err.CompareAndSwap(nil, abi.Errorf(abi.Unavailable,
		"the kernel cannot write %s any more: %v; restart it when the disk is well (the call may have run)", d.dir, why))
}

// Err returns why nothing is written any more, nil if all is well.
func (d *Disk) Err() error {
	if e := d.err.Load(); e != nil {
		return e
	}
	return nil
}

// reserve is the free space below which no call is taken, in bytes: what has been
// taken still needs some.
const reserve = 32 << 20

// Full reports whether there is too little space to take calls.
func (d *Disk) Full() bool {
	now := time.Now().UnixNano()
	was := d.looked.Load()
	if now-was > int64(time.Second) && d.looked.CompareAndSwap(was, now) {
		use, err := d.fs.GetDiskUsage(d.dir)
		d.full.Store(err == nil && use.AvailBytes < reserve)
	}
	return d.full.Load()
}

// A logger keeps pebble's chatter out of the log.
type logger struct{ d *Disk }

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf is where pebble would end the process. It ends the disk instead: a commit by
// a panic that commit recovers, and one of pebble's own goroutines by its end, for no
// one waits for it any more.
func (l logger) Fatalf(format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	l.d.fail(why)
	if strings.HasPrefix(format, "pebble: fatal commit error") {
		panic(why)
	}
	runtime.Goexit()
}

// storageError gives an error of the disk its code.
func storageError(err error) error {
	if e := (*abi.Error)(nil); errors.As(err, &e) {
		return err
	}
	return abi.Errorf(abi.Storage, "the disk of the logs: %v", err)
}

// makeDir makes a directory and those above it, so that they outlive a power cut.
func makeDir(fs vfs.FS, dir string) error {
	parent := fs.PathDir(dir)
	if _, err := fs.Stat(dir); err == nil || parent == dir {
		return err
	}
	if err := makeDir(fs, parent); err != nil {
		return err
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
