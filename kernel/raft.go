package kernel

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/raftlog"
)

// A logDisk is where the logs of a kernel's replicas are. It is opened when there is
// one.
type logDisk struct {
	dir  string
	mu   sync.Mutex
	disk *raftlog.Disk
}

// open returns the disk.
func (d *logDisk) open() (_ *raftlog.Disk, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.disk == nil {
		d.disk, err = raftlog.OpenDisk(d.dir)
	}
	return d.disk, err
}

func (d *logDisk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.disk == nil {
		return nil
	}
	return d.disk.Close()
}

// findLog returns what is here of the log of a replica that is to recover, nil if
// there is nothing.
func (k *Kernel) findLog(req *api.StartRequest) (*raftlog.Found, error) {
	disk, err := k.disk.open()
	if err != nil {
		return nil, err
	}
	f, err := disk.Find(savedAs(&req.Group, req.Peer), req.Was, req.Epoch)
	if abi.CodeOf(err) == abi.NotFound {
		return nil, nil
	}
	return f, err
}

// Messages between logs travel in batches, one on the way to each kernel at a time:
// those that come meanwhile go together. A batch is for each message the address of
// the replica and the message, with their lengths.
type outbox struct {
	mu    sync.Mutex
	queue []letter
	busy  bool
}

// A letter is a message to the log of a replica at another kernel.
type letter struct {
	to   string
	body []byte
	lost func()
}

// letterTimeout is how long a batch may take.
const letterTimeout = 5 * time.Second

// Send implements raftlog.Transport. A kernel without a lease is silent: others may
// have to go on without it.
func (l *logged) Send(to uint64, message []byte) {
	k := l.r.k
	g := l.r.group.Load()
	peer := memberOf(g.ID, to)
	i := slices.IndexFunc(g.Replicas, func(r api.Replica) bool { return r.Peer == peer })
	if i < 0 || !k.lease.held.Load() {
		return
	}
	lost := func() { l.log.Undelivered(to) }
	if g.Replicas[i].Node.ID == k.node.ID {
		go k.handOver(peer, message)
		return
	}
	k.post(g.Replicas[i].Node.Addr, letter{peer, message, lost})
}

// post puts a letter into the outbox of a kernel.
func (k *Kernel) post(addr string, l letter) {
	v, _ := k.outboxes.LoadOrStore(addr, new(outbox))
	o := v.(*outbox)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, l)
	if !o.busy {
		o.busy = true
		go k.empty(addr, o)
	}
}

// empty sends what is in an outbox, until there is nothing.
func (k *Kernel) empty(addr string, o *outbox) {
	for {
		o.mu.Lock()
		batch := o.queue
		o.queue = nil
		if o.busy = len(batch) > 0; !o.busy {
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		if err := k.sendLetters(addr, batch); err != nil {
			for _, l := range batch {
				l.lost()
			}
		}
	}
}

func (k *Kernel) sendLetters(addr string, batch []letter) error {
	ctx, cancel := context.WithTimeout(k.ctx, letterTimeout)
	defer cancel()
	conn, err := k.peers.Get(ctx, addr)
	if err != nil {
		return err
	}
	var parts [][]byte
	for _, l := range batch {
		head := append(binary.AppendUvarint(nil, uint64(len(l.to))), l.to...)
		parts = append(parts, binary.AppendUvarint(head, uint64(len(l.body))), l.body)
	}
	_, err = mux.Raw(ctx, conn, api.KernelRaft, parts...)
	return err
}

// serveRaft takes a batch of messages for logs here.
func (k *Kernel) serveRaft(_ context.Context, _ *mux.Conn, b []byte) ([]byte, error) {
	for len(b) > 0 {
		to, rest, ok := cutBytes(b)
		message, rest, ok2 := cutBytes(rest)
		if !ok || !ok2 {
			return nil, abi.Errorf(abi.BadArgument, "%s: a broken batch", api.KernelRaft)
		}
		k.handOver(string(to), message)
		b = rest
	}
	return nil, nil
}

func cutBytes(b []byte) (s, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

// handOver gives a message to the log of a replica here. One that is not here, or not
// yet, gets it again in another form.
func (k *Kernel) handOver(peer string, message []byte) {
	r, err := k.find(peer)
	if err != nil || r.log == nil || !k.lease.held.Load() {
		return
	}
	if err := r.log.log.Step(message); err != nil {
		k.log.Warn("a message to a log", "replica", peer, "err", err)
	}
}
