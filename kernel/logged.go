package kernel

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/internal/api"
	"amino.run/kernel/internal/part"
	"amino.run/kernel/raftlog"
)

// A logged is the log of a replica as the DM that opened it sees it, and the state
// of the replica as the log sees that: the guest, and what the parts keep from the
// DM's layer on, towards the application.
type logged struct {
	r     *replica
	layer int
	apply dms.Handler
	order turn // of calls in apply
	log   *raftlog.Log
}

var (
	_ dms.Log           = (*logged)(nil)
	_ raftlog.Machine   = (*logged)(nil)
	_ raftlog.Transport = (*logged)(nil)
)

// Log implements dms.Callee.
func (c *callee) Log(apply dms.Handler) dms.Log {
	if c.r.log != nil {
		panic("dms: two logs in one chain")
	}
	c.r.log = &logged{r: c.r, layer: c.Layer(), apply: apply}
	c.r.guest.keepExact()
	return c.r.log
}

// Propose implements dms.Log.
func (l *logged) Propose(ctx context.Context, call dms.Call) ([]byte, error) {
	return l.log.Propose(ctx, call)
}

// Leader implements dms.Log.
func (l *logged) Leader() dms.Peer { return l.log.Leader() }

// open opens the log of a replica that is being built: one that was found on the disk,
// that came with its state, or a new one.
func (l *logged) open(ctx context.Context, req *api.StartRequest, found *raftlog.Found) error {
	disk, err := l.r.k.disk.open()
	if err != nil {
		return err
	}
	g := l.r.group.Load()
	cfg := raftlog.Config{
		Name: savedAs(g, l.r.peer), ID: memberID(l.r.peer), Epoch: req.Epoch, Disk: disk,
		Machine: l, Turn: logTurn{&l.order}, Transport: l, Log: l.r.k.log.With("replica", l.r.peer),
		Peer: func(id uint64) dms.Peer { return dms.Peer(memberOf(g.ID, id)) },
	}
	switch {
	case found != nil:
		l.log, err = raftlog.Reopen(cfg, found)
	case req.Recover:
		err = abi.Errorf(abi.NotFound, "the log of %s is not on kernel %s", l.r.peer, l.r.k.node.ID)
	case req.Snapshot != nil && req.Snapshot.Log != nil:
		l.log, err = raftlog.Adopt(ctx, cfg, req.Snapshot.Log)
	default:
		l.log, err = raftlog.Create(ctx, cfg)
	}
	if err == nil {
		l.follow(g)
	}
	return err
}

// end ends the log. If the replica is gone, what is on disk of it goes too.
func (l *logged) end(gone bool) {
	if l == nil || l.log == nil {
		return
	}
	if !gone {
		l.log.Close()
	} else if err := l.log.Remove(); err != nil {
		l.r.k.log.Warn("a log stays on the disk", "replica", l.r.peer, "err", err)
	}
}

// memberID returns the number of a replica in the log of its group; 0 is no one.
func memberID(peer string) uint64 {
	n, err := strconv.ParseUint(peer[strings.LastIndexByte(peer, '/')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n + 1
}

func memberOf(group string, id uint64) string { return group + "/" + strconv.FormatUint(id-1, 10) }

// follow tells the log who the group's replicas are.
func (l *logged) follow(g *api.Group) {
	ids := make([]uint64, len(g.Replicas))
	for i, r := range g.Replicas {
		ids[i] = memberID(r.Peer)
	}
	l.log.Follow(ids)
}

// A logTurn is a turn of the kernel's: a call that would wait for itself is turned
// away.
type logTurn struct{ t *turn }

func (t logTurn) Lock(ctx context.Context, root uint64, nested bool) error {
	return t.t.lock(ctx, root, nested)
}

func (t logTurn) Unlock() { t.t.unlock() }

// Run implements raftlog.Machine.
func (l *logged) Run(ctx context.Context, call dms.Call) (o raftlog.Outcome) {
	x := l.r.guest
	if call.ReadOnly {
		o.Trace = raftlog.Nothing
		o.Out, o.Err = l.applied(ctx, call)
		return o
	}
	was := x.version.Load()
	ctx, record := x.recording(ctx)
	o.Out, o.Err = l.applied(ctx, call)
	switch e := abi.AsError(o.Err); {
	case errors.Is(o.Err, errPanic):
		o.Trace = raftlog.Wreckage
	case e == nil || e.State != abi.StateBefore:
		if given := record(); given != nil {
			o.Record = given.Bytes()
		} else {
			o.Trace = raftlog.Wreckage
		}
	case x.version.Load() == was && !l.keepsMore():
		o.Trace = raftlog.Nothing
	default:
		o.Trace = raftlog.Wreckage // the log puts back what the DM wants taken back
	}
	return o
}

// keepsMore reports whether DMs nearer the application keep something, too: it may have
// changed though the guest did not.
func (l *logged) keepsMore() bool {
	for _, p := range l.r.parts[:l.layer] {
		if p != nil && p.Keeps() {
			return true
		}
	}
	return false
}

// errPanic is the error of an apply that panicked.
var errPanic = errors.New("panic")

// applied runs apply.
func (l *logged) applied(ctx context.Context, call dms.Call) (out []byte, err error) {
	whole := false
	defer func() {
		if !whole {
			err = errors.Join(err, errPanic)
		}
	}()
	defer part.Caught(l.r.k.log, &err)
	out, err = l.apply(ctx, call)
	whole = true
	return out, err
}

// Replay implements raftlog.Machine.
func (l *logged) Replay(ctx context.Context, call dms.Call, record []byte) error {
	r, err := host.ParseRecord(record)
	if err != nil {
		return err
	}
	ctx, rest := l.r.guest.replaying(ctx, r)
	if _, err = l.applied(ctx, call); errors.Is(err, errPanic) {
		return err
	}
	return rest()
}

// A head is the state of a replica but for the guest's memory.
type head struct {
	Version uint64
	Guest   []byte
	Cells   []api.Cells
}

// Capture implements raftlog.Machine.
func (l *logged) Capture(ctx context.Context) (raftlog.State, error) {
	img, version, err := l.r.guest.image(ctx)
	if err != nil {
		return raftlog.State{}, err
	}
	h := head{Version: version, Cells: make([]api.Cells, l.layer+1)}
	for i, p := range l.r.parts[:l.layer+1] {
		if p != nil {
			if h.Cells[i], err = p.Cells(); err != nil {
				return raftlog.State{}, err
			}
		}
	}
	var s raftlog.State
	var chunks []host.Chunk
	h.Guest, chunks = img.Split()
	for _, c := range chunks {
		s.Chunks = append(s.Chunks, raftlog.Chunk(c))
	}
	s.Head, err = abi.Encode(h)
	return s, err
}

// Restore implements raftlog.Machine.
func (l *logged) Restore(ctx context.Context, s raftlog.State) error {
	h, img, err := parseState(s)
	if err != nil {
		return err
	}
	if err := l.r.guest.put(ctx, img, h.Version); err != nil {
		return err
	}
	for i, p := range l.r.parts[:l.layer+1] {
		if p == nil {
			continue
		}
		if i >= len(h.Cells) {
			return abi.Errorf(abi.Storage, "the state of %s has cells of %d layers", l.r.peer, len(h.Cells))
		}
		if err := p.Refill(h.Cells[i]); err != nil {
			return err
		}
	}
	return nil
}

// foundGuest makes the guest of a replica whose log was found, and returns what its
// parts kept.
func foundGuest(ctx context.Context, m *module, e *env, g *api.Group, f *raftlog.Found) (*guest, []api.Cells, error) {
	h, img, err := parseState(f.State)
	if err != nil {
		return nil, nil, err
	}
	x, err := newGuestAt(ctx, m, e, g, img, h.Version)
	return x, h.Cells, err
}

func parseState(s raftlog.State) (h head, img *host.Image, err error) {
	if err := abi.Decode(s.Head, &h); err != nil {
		return h, nil, abi.Errorf(abi.Storage, "the head of a state: %v", err)
	}
	chunks := make([]host.Chunk, len(s.Chunks))
	for i, c := range s.Chunks {
		chunks[i] = host.Chunk(c)
	}
	img, err = host.JoinImage(h.Guest, chunks)
	return h, img, err
}
