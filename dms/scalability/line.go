package scalability

import (
	"context"
	"maps"
	"slices"

	"amino.run/abi"
	"amino.run/dms"
)

// A place is a state: the one after N writes, of which By carried out the last ones as
// the master.
type place struct {
	By dms.Peer
	N  uint64
}

type (
	// A write is a call that ran at the master, with what its guest was given.
	write struct {
		Call   dms.Call
		Record []byte
	}
	// More are the writes after a place; whole is the state at one. A slave answers
	// either with its place then.
	more struct {
		After  place
		Writes []write
	}
	whole struct {
		At      place
		State   dms.Snapshot
		Answers abi.Raw
	}
	report struct{} // asks a replica for its place
)

// maxTail is how many writes a master keeps for slaves that are behind; one that lacks
// more is sent the whole state.
const maxTail = 4096

// hearing is how many pauses a slave takes to hear of a new master, which has sent to it.
const hearing = 20

// A line is the writes of a microservice in the order in which its master carried them
// out, as one replica, master or slave, has it.
type line struct {
	c       dms.Callee
	ship    dms.Mutex // held by the one who sends; taken before mu
	mu      dms.Mutex // guards what follows, and the guest's state
	at      *place
	answers *dms.Answers        // of the last writes: a call that is sent again runs once
	tail    []write             // the last of them, up to at
	known   map[dms.Peer]uint64 // how far slaves have come
}

func newLine(c dms.Callee) *line {
	l := &line{
		c: c, ship: dms.NewMutex(), mu: dms.NewMutex(), known: map[dms.Peer]uint64{},
		at: dms.Keep(c, "at", place{}), answers: dms.Keep(c, "answers", dms.Answers{}),
	}
	dms.Answer(c, func(ctx context.Context, from dms.Peer, m more) (place, error) {
		return l.heed(ctx, from, func() error { l.follow(ctx, m); return nil })
	})
	dms.Answer(c, func(ctx context.Context, from dms.Peer, w whole) (place, error) {
		return l.heed(ctx, from, func() error { return l.become(ctx, w) })
	})
	dms.Answer(c, func(ctx context.Context, _ dms.Peer, _ report) (place, error) {
		return l.locked(ctx, func() error { return nil })
	})
	return l
}

// locked runs f under the lock and returns the place after it.
func (l *line) locked(ctx context.Context, f func() error) (place, error) {
	if err := l.mu.Lock(ctx); err != nil {
		return place{}, err
	}
	defer l.mu.Unlock()
	err := f()
	return *l.at, err
}

// heed is locked for what from sent as the master. One that was stopped for longer than
// its lease sends once more before it knows that another has its place: it is not heeded,
// for what the other answered would be undone.
func (l *line) heed(ctx context.Context, from dms.Peer, f func() error) (place, error) {
	master := func() bool {
		at, err := dms.Primary(l.c)
		return err == nil && at.Peer == from
	}
	for range hearing { // of a new master others may hear sooner
		if master() || l.leads() || !dms.Rest(ctx, l.c, pause) {
			break
		}
	}
	return l.locked(ctx, func() error {
		if !master() {
			return abi.Errorf(abi.Refused, "%s is not the master", from)
		}
		return f()
	})
}

// count returns how many writes there are.
func (l *line) count(ctx context.Context) uint64 {
	at, _ := l.locked(context.WithoutCancel(ctx), func() error { return nil })
	return at.N
}

// leads reports whether this replica is the master, as far as it knows.
func (l *line) leads() bool {
	at, err := dms.Primary(l.c)
	return err == nil && at.Peer == l.c.Self().Peer
}

// lead carries out a write at the master, unless it ran before, and returns how many
// writes there are then.
func (l *line) lead(ctx context.Context, call dms.Call) (out []byte, n uint64, err error) {
	at, err := l.locked(ctx, func() (err error) {
		l.begin()
		out, err = l.answers.Once(ctx, call, l.write)
		return err
	})
	return out, at.N, err
}

// begin makes what comes next this master's, if it was promoted. The lock is held.
func (l *line) begin() {
	if self := l.c.Self().Peer; l.at.By != self {
		l.at.By, l.tail = self, nil
		clear(l.known)
	}
}

func (l *line) write(ctx context.Context, call dms.Call) ([]byte, error) {
	out, record, err := l.c.Record(ctx, call)
	switch fate := abi.CodeOf(err).Fate(); {
	case fate == abi.Ran && record != nil:
		l.at.N++
		l.tail = append(l.tail, write{call, record})
	case fate != abi.NotRun && abi.AsError(err).State != abi.StateBefore:
		l.at.N++ // to a state that slaves can only be sent whole
		l.tail = nil
		clear(l.known)
	}
	return out, err
}

// follow carries out the master's writes at a slave. One that comes to another state, or
// does not know, is nowhere, and is sent the whole.
func (l *line) follow(ctx context.Context, m more) {
	if l.at.By != m.After.By || l.at.N < m.After.N {
		return
	}
	for i := l.at.N - m.After.N; i < uint64(len(m.Writes)); i++ {
		w := m.Writes[i]
		_, err := l.answers.Once(ctx, w.Call, func(ctx context.Context, call dms.Call) ([]byte, error) {
			return l.c.Replay(ctx, call, w.Record)
		})
		if abi.CodeOf(err).Fate() != abi.Ran {
			*l.at = place{}
			return
		}
		l.at.N++
	}
}

// become takes the whole state of the master over, unless what was sent later came first.
func (l *line) become(ctx context.Context, w whole) error {
	if w.At.By == l.at.By && w.At.N < l.at.N {
		return nil
	}
	var answers dms.Answers
	if err := abi.Decode(w.Answers, &answers); err != nil {
		return err
	}
	*l.at = place{}
	if err := l.c.Restore(ctx, w.State); err != nil {
		return err
	}
	*l.at, *l.answers = w.At, answers
	return nil
}

// abreast returns the slaves that have come to n writes; no call is answered without
// them from then on, until they are removed.
func (l *line) abreast(ctx context.Context, n uint64) (slaves []dms.Peer) {
	_, _ = l.locked(context.WithoutCancel(ctx), func() error {
		for _, p := range others(l.c, l.c.Self()) {
			if at, ok := l.known[p]; ok && at >= n {
				slaves = append(slaves, p)
			}
		}
		return nil
	})
	return slaves
}

// behind returns the slaves that have not come to n writes. The lock is held.
func (l *line) behind(n uint64) (slaves []dms.Peer) {
	for _, r := range l.c.Replicas() {
		if at, ok := l.known[r.Peer]; r.Peer != l.c.Self().Peer && !(ok && at >= n) {
			slaves = append(slaves, r.Peer)
		}
	}
	return slaves
}

// send brings all slaves to n writes at least, if it can, with what they lack of the
// line, and returns those that are still behind. One sends at a time, so the writes of
// those who wait go together.
func (l *line) send(ctx context.Context, n uint64) (behind []dms.Peer, err error) {
	if err := l.ship.Lock(ctx); err != nil {
		return nil, err
	}
	defer l.ship.Unlock()
	var m more
	var w whole
	var near, far []dms.Peer
	_, err = l.locked(ctx, func() (err error) {
		l.begin()
		m = more{place{l.at.By, l.at.N - uint64(len(l.tail))}, slices.Clone(l.tail)}
		for _, p := range l.behind(n) {
			if at, ok := l.known[p]; ok && at >= m.After.N {
				near = append(near, p)
			} else {
				far = append(far, p)
			}
		}
		if len(far) > 0 {
			w.At = *l.at
			if w.State, err = l.c.Snapshot(ctx); err == nil {
				w.Answers, err = abi.Encode(l.answers)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(near)+len(far) == 0 {
		return nil, nil
	}
	replies := append(dms.AskAll[place](ctx, l.c, near, m), dms.AskAll[place](ctx, l.c, far, w)...)
	_, err = l.locked(context.WithoutCancel(ctx), func() error {
		for _, r := range replies {
			if delete(l.known, r.From); r.Err == nil && r.Value.By == l.at.By {
				l.known[r.From] = r.Value.N
			}
		}
		l.trim()
		behind = l.behind(n)
		return nil
	})
	return behind, err
}

// trim drops the writes that every slave which is in the line has, and those beyond
// maxTail.
func (l *line) trim() {
	all := l.c.Replicas()
	maps.DeleteFunc(l.known, func(p dms.Peer, _ uint64) bool {
		return !slices.ContainsFunc(all, func(r dms.Replica) bool { return r.Peer == p })
	})
	least := l.at.N
	for _, n := range l.known {
		least = min(least, n)
	}
	keep := min(l.at.N-least, maxTail, uint64(len(l.tail)))
	l.tail = slices.Clone(l.tail[uint64(len(l.tail))-keep:])
}
