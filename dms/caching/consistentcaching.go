package caching

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

func init() {
	dms.Register("ConsistentCaching", func() dms.DM { return &ConsistentCaching{TTL: 10 * time.Second} })
}

// ConsistentCaching answers readonly calls from a copy beside each caller, and brings
// every copy up to date with each write.
//
// Guarantees: linearizable. A write stops all copies, runs, and is answered when every
// copy has what it left, or has expired. A caller that is lost delays a write by what
// is left of its ttl at most; its own reads go on for as long. No two clocks need
// agree.
//
// Costs: nothing leaves the node for a readonly call, but one short message each ttl;
// for a write, two messages to each node that has read in the last ttl, the second with
// the whole state. After a failure of the replica all calls wait for one ttl.
//
// Needs: methods marked readonly in the manifest, and many more reads than writes. It
// comes last of the DMs that see calls. Outgoing calls of readonly methods leave from
// the caller's node.
//
// Verbs: none; those of DMs before it count as writes.
type ConsistentCaching struct {
	TTL time.Duration `doc:"how long a copy may be read before its caller asks again"`
}

// Validate implements dms.Validator.
func (d *ConsistentCaching) Validate() error { return dms.Positive("ttl", d.TTL) }

// Concerns implements dms.Concerned.
func (d *ConsistentCaching) Concerns() dms.Concerns {
	return dms.Concerns{Owns: []dms.Trait{dms.Routes}, Has: []dms.Trait{dms.ReadsAtCallers, dms.Orders}}
}

// Writes are counted, from one in each life of the replica, which ends when it fails.
type (
	join struct {
		Has           bool // a copy, of this state
		Life, Version uint64
	}
	current struct { // the answer to join, and what follows a write
		Life, Write uint64
		Version     uint64        // of the replica's state
		State       *dms.Snapshot // nil if it is what the copy has
	}
	stop struct{ Life, Write uint64 } // a write begins
)

// Instance implements dms.Instancer.
func (d *ConsistentCaching) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	i := &sharing{c: c, ttl: d.TTL, mu: dms.NewMutex(), until: map[dms.Peer]time.Time{}, born: c.Version(), built: time.Now()}
	i.life, i.write = dms.Keep(c, "life", uint64(0)), dms.Keep(c, "write", uint64(0))
	i.copies = dms.Keep(c, "copies", map[dms.Peer]bool{})
	for peer := range *i.copies { // from before a move
		i.until[peer] = i.built.Add(d.TTL)
	}
	dms.Answer(c, i.join)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if err := i.begin(ctx); err != nil {
			return nil, err
		}
		defer i.mu.Unlock()
		if call.ReadOnly { // none comes from our proxies
			return next(ctx, call)
		}
		return i.carryOut(ctx, call, next)
	}
}

// sharing is the instance: who has copies, and since when.
type sharing struct {
	c     dms.Callee
	ttl   time.Duration
	mu    dms.Mutex // held from a write's first message to its last
	born  uint64    // version at first
	built time.Time
	until map[dms.Peer]time.Time // by then a copy has expired

	life, write *uint64 // cells, as is the next
	copies      *map[dms.Peer]bool
}

// begin locks mu. A replica without cells is new, or it recovers, which shows in its
// version: then callers it does not know may have copies, until they expire.
func (i *sharing) begin(ctx context.Context) error {
	if err := i.mu.Lock(ctx); err != nil {
		return err
	}
	if *i.life != 0 {
		return nil
	}
	if i.c.Version() != i.born {
		if err := sleep(ctx, time.Until(i.built.Add(i.ttl))); err != nil {
			i.mu.Unlock()
			return err
		}
	}
	*i.life = uint64(i.c.Rand(math.MaxInt32)) + 1
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return abi.Errorf(abi.Leased, "callers that are lost may have copies for %v more (the call did not run)", d.Round(time.Millisecond))
	}
}

func (i *sharing) join(ctx context.Context, from dms.Peer, j join) (now current, err error) {
	if err := i.begin(ctx); err != nil {
		return now, err
	}
	defer i.mu.Unlock()
	(*i.copies)[from], i.until[from] = true, time.Now().Add(i.ttl)
	return i.current(ctx, j.Has && j.Life == *i.life, j.Version)
}

// current returns the state, for those who have one of version known, or none.
func (i *sharing) current(ctx context.Context, has bool, known uint64) (current, error) {
	now := current{Life: *i.life, Write: *i.write, Version: i.c.Version()}
	if has && now.Version == known {
		return now, nil
	}
	s, err := i.c.Snapshot(ctx)
	now.Version, now.State = s.Version, &s
	return now, err
}

// carryOut stops the copies, runs a write and starts them again.
func (i *sharing) carryOut(ctx context.Context, call dms.Call, next dms.Handler) ([]byte, error) {
	*i.write++
	if err := i.stop(ctx); err != nil {
		return nil, err // they ask when they are read
	}
	before := i.c.Version()
	out, err := next(ctx, call)
	if len(*i.copies) == 0 {
		return out, err
	}
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), i.lastExpiry())
	defer cancel()
	if now, lost := i.current(bounded, true, before); lost == nil {
		dms.AskAll[dms.None](bounded, i.c, i.peers(), now) // one that does not hear of it stays stopped
	}
	return out, err
}

// stop returns when no copy is read any more.
func (i *sharing) stop(ctx context.Context) error {
	for peer := range *i.copies {
		if !time.Now().Before(i.until[peer]) {
			i.drop(peer)
		}
	}
	asking, cancel := context.WithDeadline(ctx, i.lastExpiry())
	defer cancel()
	for _, r := range dms.AskAll[dms.None](asking, i.c, i.peers(), stop{*i.life, *i.write}) {
		if r.Err == nil {
			continue
		}
		if abi.CodeOf(r.Err) != abi.NotFound { // no one is there who could read it
			if err := sleep(ctx, time.Until(i.until[r.From])); err != nil {
				return err
			}
		}
		i.drop(r.From)
	}
	return nil
}

func (i *sharing) drop(peer dms.Peer) {
	delete(*i.copies, peer)
	delete(i.until, peer)
}

func (i *sharing) peers() []dms.Peer { return slices.Sorted(maps.Keys(*i.copies)) }

func (i *sharing) lastExpiry() (last time.Time) {
	for _, t := range i.until {
		if t.After(last) {
			last = t
		}
	}
	return last
}
