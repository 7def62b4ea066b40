package raftlog

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"amino.run/abi"
	"amino.run/dms"
)

// How the replicas of a group watch each other. A leader that is not heard of for
// ten ticks is deposed; which of the others tries first is left to chance.
const (
	tick      = 100 * time.Millisecond
	election  = 10 // ticks
	heartbeat = 1  // ticks
)

// A Transport carries messages to the logs of other replicas of the group.
type Transport interface {
	// Send sends a message to the replica of an ID. It does not wait, and does not
	// call back into the log. Messages may be lost; Undelivered should say so.
	Send(to uint64, message []byte)
}

// Config says what a log is of.
type Config struct {
	Name      string // on the disk
	ID        uint64 // of the replica in its group; never used again for another
	Epoch     uint64 // in which the replica was placed
	Disk      *Disk
	Machine   Machine
	Turn      Turn
	Transport Transport
	Peer      func(id uint64) dms.Peer // names a replica of the group
	Bounds    Bounds
	Log       *slog.Logger
}

// A Log is the log of a group at one replica. It may be used by many goroutines at
// once. Until Start it only is there.
type Log struct {
	cfg    Config
	ctx    context.Context // ends with the log
	stop   context.CancelFunc
	wg     sync.WaitGroup // of ticks, the applier, checkpoints
	kicked chan struct{}  // the applier looks again

	mu      sync.Mutex
	err     error // not nil once the log has ended
	started bool
	running bool          // started, and not frozen
	changed chan struct{} // closed at the next change; nil if no one waits for it

	// Raft.
	node    *raft.RawNode
	mem     *memory
	hard    *pb.HardState // as raft last said
	synced  *pb.HardState // as it is on disk, or on its way there
	leader  uint64        // 0 if none is known
	last    uint64        // index of the last entry
	written uint64        // index of the last entry on disk, or on its way there
	writes  int           // on their way to the disk
	steps   []*pb.Message // to be stepped or sent
	conf    []confAt      // the members, since the last checkpoint; the last is now
	want    []uint64      // who should be members
	asked   uint64        // index of a change of members under way; 0 if none
	settled bool          // one has just ended
	lacking int           // ticks without a leader

	// Calls.
	lead     *reign // not nil while this replica leads
	helping  bool   // who holds mu calls Disk.Help
	inside   bool   // a call is inside the machine
	pending  *batch // carried out, not in the log yet
	proposed *batch // given to raft, which has not said its index yet
	cutAt    time.Time
	inflight []*batch // in the log and not committed, by index
	reads    reads

	// The machine.
	applied uint64 // it is after this entry; while serving, after all that it ran too
	dirty   bool   // it is not: it must go back to base, and come to applied again
	tasks   []task // of the applier
	busy    bool   // with one that is none of tasks any more
	base    checkpoint
	grown   size // of the log since base
	saving  bool
	saved   time.Time     // when the last checkpoint was
	took    time.Duration // how long it took

	// What is on disk of a checkpoint. The disk's writer alone uses it.
	onDisk    State
	diskIndex uint64
}

// A reign is the time in which a replica leads. It serves once the machine has come
// to the entry after, and until then has nothing of its own to lose.
type reign struct {
	after   uint64
	serving bool
}

// A confAt is the members from an entry on.
type confAt struct {
	index uint64
	conf  *pb.ConfState
}

// A batch is calls that go into the log as one entry.
type batch struct {
	data  []byte
	calls int
	index uint64        // 0 until raft has said it
	done  chan struct{} // closed when it is committed, or err is set
	err   error
}

var (
	errEnded   = abi.Errorf(abi.Unavailable, "the replica is ending (the call may have run)")
	errDeposed = abi.Errorf(abi.Unavailable, "another replica leads now (the call may have run)")
	errNotYet  = abi.Errorf(abi.NotLeader, "this replica begins to lead; try again")
	errLate    = abi.Errorf(abi.Unavailable, "no majority of the replicas had the call on disk in time (it may have run)")
)

// Propose implements dms.Log.
func (l *Log) Propose(ctx context.Context, call dms.Call) ([]byte, error) {
	if !call.ReadOnly && l.cfg.Disk.Full() {
		return nil, abi.Errorf(abi.Storage, "the disk of the kernel is full: free some space (the call did not run)")
	}
	return l.turn(ctx, &call, func(ctx context.Context) Outcome {
		o := l.cfg.Machine.Run(ctx, call)
		if call.ReadOnly {
			o.Trace = Nothing
		}
		return o
	})
}

// View runs f, which changes nothing, when the machine is after all that was answered
// anywhere before. It returns an error if what f saw may be undone yet.
func (l *Log) View(ctx context.Context, f func(ctx context.Context) error) error {
	_, err := l.turn(ctx, &dms.Call{}, func(ctx context.Context) Outcome { return Outcome{Err: f(ctx), Trace: Nothing} })
	if !errors.Is(err, abi.ErrNotLeader) {
		return err
	}
	if err := l.Sync(ctx); err != nil {
		return err
	}
	if err := l.cfg.Turn.Lock(ctx, 0, false); err != nil {
		return err
	}
	defer l.cfg.Turn.Unlock()
	return f(ctx)
}

// turn runs f in the machine's turn if this replica leads, and returns what came of
// it when that is certain.
func (l *Log) turn(ctx context.Context, call *dms.Call, f func(context.Context) Outcome) ([]byte, error) {
	var b *batch
	var o Outcome
	for {
		if err := l.cfg.Turn.Lock(ctx, call.Root, len(call.Path) > 0); err != nil {
			return nil, err
		}
		var err error
		b, o, err = l.run(ctx, call, f)
		l.cfg.Turn.Unlock()
		if err == nil {
			break
		}
		if err != errNotYet {
			return nil, err
		}
		if err := l.await(ctx, func() bool { return l.refusal() != errNotYet }); err != nil {
			return nil, err
		}
	}
	if o.helps {
		l.cfg.Disk.Help()
	}
	if o.Trace == Nothing { // what it saw holds if no one else has led since it came
		if _, err := l.confirm(ctx); err != nil {
			return nil, err
		}
	}
	if err := b.wait(ctx); err != nil {
		return nil, err
	}
	return o.Out, o.Err
}

// run runs f, and returns the batch that must be committed before it is answered. An
// error says that it did not run, or that no one will know that it did.
func (l *Log) run(ctx context.Context, call *dms.Call, f func(context.Context) Outcome) (b *batch, o Outcome, err error) {
	l.mu.Lock()
	r := l.lead
	if err = l.refusal(); err == nil {
		l.inside = true
	}
	l.mu.Unlock()
	if err != nil {
		return nil, o, err
	}
	o = f(ctx)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside = false
	switch {
	case l.lead != r || !r.serving:
		if o.Trace != Nothing {
			l.dirty = true
			l.kick()
		}
		return nil, o, errDeposed
	case o.Trace == Nothing:
		return l.newest(), o, nil
	case o.Trace == Wreckage:
		l.suspend()
		b = l.newest()
		l.advance()
		return b, o, nil
	}
	if l.pending == nil {
		l.pending = &batch{done: make(chan struct{})}
	}
	b = l.pending
	b.data = appendCall(b.data, call, o.Record)
	b.calls++
	if l.mayCut() { // else it goes with those that come meanwhile
		l.helping = true
		l.advance()
		l.helping = false
		o.helps = true
	}
	return b, o, nil
}

// refusal returns why a call cannot run here now, nil if it can.
func (l *Log) refusal() error {
	switch {
	case l.err != nil:
		return l.err
	case l.lead != nil && l.lead.serving && l.running:
		return nil
	case l.lead != nil && l.running:
		return errNotYet
	}
	return dms.NotLeader(l.led())
}

// committed is a batch for those who wait for nothing.
var committed = func() *batch {
	b := &batch{done: make(chan struct{})}
	close(b.done)
	return b
}()

// newest returns the batch after which all that has run is committed.
func (l *Log) newest() *batch {
	switch {
	case l.pending != nil:
		return l.pending
	case len(l.inflight) > 0:
		return l.inflight[len(l.inflight)-1]
	}
	return committed
}

// wait waits until a batch is committed.
func (b *batch) wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return errLate
	}
}

// finish tells those who wait for a batch.
func (b *batch) finish(err error) {
	b.err = err
	close(b.done)
}

// Leader implements dms.Log.
func (l *Log) Leader() dms.Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader == 0 {
		return ""
	}
	return l.cfg.Peer(l.leader)
}

// Err returns why the log has ended, nil if it has not.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// await waits until ok, which is called with mu held.
func (l *Log) await(ctx context.Context, ok func() bool) error {
	for {
		l.mu.Lock()
		if err := l.err; err != nil || ok() {
			l.mu.Unlock()
			return err
		}
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return abi.Errorf(abi.Unavailable, "the log does not come to rest: no majority of the replicas answers")
		}
	}
}

// tell wakes those who await.
func (l *Log) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// fail ends the log.
func (l *Log) fail(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	if err != errEnded {
		l.cfg.Log.Error("a replica's log has ended; restart the kernel", "err", err)
	}
	l.depose(err)
	l.reads.finish(err)
	l.stop()
	l.tell()
}
