package oms

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

// How long a switch may keep callers waiting: for the calls that are inside, first at
// their proxies and then at the replicas, and altogether. It is less than a kernel waits
// before it asks what became of a replica that it has closed.
const (
	drainTimeout  = 5 * time.Second
	switchTimeout = 20 * time.Second
)

// A round is how long a kernel waits until its callers' calls are done before nested
// ones that wait are let in.
const (
	firstRound = 20 * time.Millisecond
	lastRound  = time.Second
)

// Switch puts another chain in the place of a microservice's, while it is called: no
// call is lost, fails or runs twice, and the state stays. An error says that the chain
// is what it was.
func (o *OMS) Switch(ctx context.Context, req api.SwitchRequest) (api.SwitchReply, error) {
	chain, err := o.load.ParseChain(req.DMs)
	if err == nil {
		err = dms.Check(chain)
	}
	if err != nil {
		return api.SwitchReply{}, err
	}
	if err := o.members.settled(ctx); err != nil {
		return api.SwitchReply{}, err
	}
	g, _, err := o.group(req.Ref)
	if err != nil {
		return api.SwitchReply{}, err
	}
	return g.switchTo(ctx, chain, append([]string{}, req.DMs...)) // nil would mean the manifest's
}

// switchTo is docs/design.md, "A switch".
func (g *group) switchTo(ctx context.Context, chain dms.Chain, specs []string) (reply api.SwitchReply, err error) {
	ctx, cancel := g.within(ctx)
	defer cancel()
	if err := g.turn.Lock(ctx); err != nil { // the coordinators rest
		return reply, err
	}
	defer g.turn.Unlock()
	if err := g.work.Lock(ctx); err != nil {
		return reply, err
	}
	defer g.work.Unlock()
	rec, err := g.record()
	if err != nil {
		return reply, err
	}
	reply.From, reply.Group = rec.Spec.DMs, rec.Group
	if slices.Equal(rec.Spec.DMs, specs) {
		return reply, nil
	}
	switch {
	case g.chain().Has(dms.Shards):
		return reply, abi.Errorf(abi.Refused, "%s is in %d shards, each with a part of the state, which no one can put together: it stays under %v", rec.Name, len(rec.Replicas), rec.Spec.DMs)
	case chain.Nests(g.id):
		return reply, abi.Errorf(abi.Refused, "%v makes shards of several replicas, which is done when a microservice is created: take a snapshot of %s and deploy from that", chain, rec.Name)
	}
	s, err := g.newSwitching(rec, chain, specs)
	if err == nil {
		err = s.prepare(ctx, chain)
	}
	if err != nil {
		return reply, fmt.Errorf("switch %s to %v: %w", rec.Name, chain, err)
	}
	s.began = time.Now()
	err = s.do(ctx)
	now, lost := g.record() // it says which chain there is, whatever happened
	if lost != nil {
		return reply, lost // what kernels hold closed they settle when the OMS is back
	}
	if now.Generation == rec.Generation {
		s.undo(now)
		return reply, fmt.Errorf("switch %s to %v: %w; it goes on under the chain it had", rec.Name, chain, err)
	}
	s.finish(now)
	reply.Group, reply.Bytes, reply.Pause = now.Group, s.bytes, s.released.Sub(s.began)
	return reply, nil
}

// A switching is a switch under way: what there is of the new chain. Its coordinators
// see it as their group.
type switching struct {
	g     *group
	id    uint64
	rec   *directory.Group // with the old chain
	specs []string
	coord *coordinators     // new
	at    place             // of the first of the new replicas
	peer  string            // of that
	held  map[string]stream // by node
	bytes int               // of the state

	began, released time.Time // callers waited between

	mu   sync.Mutex
	next []directory.Successor // the new replicas
}

// A stream is the way to a kernel that has a lease; k is nil while it is broken.
type stream struct {
	incarnation uint64
	k           Kernel
}

func (g *group) newSwitching(rec *directory.Group, chain dms.Chain, specs []string) (*switching, error) {
	s := &switching{g: g, id: rand.Uint64(), rec: rec, specs: specs, held: map[string]stream{}}
	if rec.Primary() == nil {
		return nil, lostError(rec, &rec.Replicas[0])
	}
	next := *rec
	next.Spec.DMs, next.Cells = specs, nil
	next.Generation++
	s.coord = newCoordinators(g, chain, &next, s)
	return s, s.coord.err
}

// prepare does what can be done before anyone waits.
func (s *switching) prepare(ctx context.Context, chain dms.Chain) (err error) {
	places, err := s.places()
	if err != nil {
		return err
	}
	s.at = places[0]
	if !chain.Has(dms.Membership) {
		places = places[:1]
	}
	if err := s.g.o.members.reachable(ctx); err != nil {
		return err
	}
	err = each(places, func(at place) error { // a module that one lacks is compiled before callers wait
		_, err := ask[api.Inspection](ctx, at.kernel, startCall, api.KernelInspect, api.Ref{Ref: s.rec.Spec.Module})
		return err
	})
	if err != nil {
		return err
	}
	s.peer, err = s.number()
	return err
}

// places returns where a replica of the new chain may be, the primary's node first.
func (s *switching) places() ([]place, error) {
	var allowed []place
	why := map[string][]string{}
	for _, at := range s.g.o.places() {
		reason := s.refuses(at.Node)
		switch {
		case reason != "":
			why[reason] = append(why[reason], describe(at.Node))
		case at.ID == s.rec.Primary().Node.ID:
			allowed = slices.Insert(allowed, 0, at)
		default:
			allowed = append(allowed, at)
		}
	}
	if len(allowed) == 0 {
		return nil, refusedEverywhere(s.rec.Name, why)
	}
	return allowed, nil
}

// refuses is group.refuses under the new chain.
func (s *switching) refuses(n api.Node) string {
	if !s.g.spec.Selector.Matches(n.Labels) {
		return "the selector asks for " + s.g.spec.Selector.String() + ", unlike"
	}
	return s.coord.refusal(n)
}

// number gives out the number of a new replica.
func (s *switching) number() (peer string, err error) {
	rec, err := s.g.record()
	if err == nil {
		peer = rec.NextPeer()
		_, err = s.g.prepare("")
	}
	return peer, err
}

// do switches. It has happened when the directory says so.
func (s *switching) do(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, switchTimeout)
	defer cancel()
	if err := s.hold(ctx); err != nil {
		return err
	}
	if len(s.living()) > 1 { // all at once, so that none waits for another; one alone is by the way
		if err := s.quiet(ctx); err != nil {
			return err
		}
	}
	if _, err := s.start(ctx, s.at, s.peer, s.succeed); err != nil {
		return err
	}
	if err := s.coord.created(ctx); err != nil {
		return err
	}
	if err := s.holdNewcomers(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.g.o.store.do(s.command())
	return err
}

// hold closes the gates of the callers at every live kernel, again and again until all
// are quiet at once; the new chain's callers may not meet calls of the old.
func (s *switching) hold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for round := firstRound; ; round = min(2*round, lastRound) {
		busy, err := s.holdAll(ctx, s.g.o.members.all(), round)
		switch {
		case err != nil:
			return err
		case len(busy) == 0 && len(s.newcomers()) == 0:
			return nil
		case ctx.Err() != nil:
			return abi.Errorf(abi.Overloaded, "calls of it have been under way at kernel %s for %v", list(busy), drainTimeout)
		}
	}
}

// holdAll closes the gates at some kernels and returns those that are not quiet in time.
func (s *switching) holdAll(ctx context.Context, at map[string]stream, round time.Duration) (busy []string, err error) {
	type answer struct {
		node string
		rep  api.HoldReply
		err  error
	}
	answers := make(chan answer, len(at))
	for node, h := range at {
		s.held[node] = h
		go func() {
			a := answer{node: node, err: abi.Errorf(abi.Unavailable, "it is not connected to the OMS")}
			if h.k != nil {
				a.rep, a.err = ask[api.HoldReply](ctx, h.k, round+drainTimeout, api.KernelHold, api.HoldRequest{
					Group: s.g.id, Switch: s.id, Generation: s.rec.Generation, For: round,
				})
			}
			answers <- a
		}()
	}
	for range at {
		a := <-answers
		switch {
		case a.err != nil && ctx.Err() != nil:
			busy = append(busy, a.node)
		case a.err != nil && s.g.o.members.lease(a.node).IsZero(): // it failed, and its callers have nothing any more
			delete(s.held, a.node)
		case a.err != nil:
			err = fmt.Errorf("the callers at kernel %s: %w", a.node, a.err)
		case !a.rep.Quiet:
			busy = append(busy, a.node)
		}
	}
	return busy, err
}

// newcomers returns the kernels that have joined since the callers were held.
func (s *switching) newcomers() map[string]stream {
	all := s.g.o.members.all()
	for node, h := range all {
		if s.held[node].incarnation == h.incarnation {
			delete(all, node)
		}
	}
	return all
}

// holdNewcomers holds the callers at kernels that have joined meanwhile. They may have
// built proxies of the old chain, and these may have a copy of the state. What they
// began waits at the replicas, which are closed, and is turned away.
func (s *switching) holdNewcomers(ctx context.Context) error {
	_, err := s.holdAll(ctx, s.newcomers(), 0)
	return err
}

// quiet closes the gates of the old replicas.
func (s *switching) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	return each(s.living(), func(r api.Replica) error {
		k, err := s.g.o.members.kernel(r.Node.ID)
		if err == nil {
			_, err = ask[api.None](ctx, k, drainTimeout, api.KernelQuiet, api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch})
		}
		return err
	})
}

// living returns the old replicas that are not lost.
func (s *switching) living() []api.Replica {
	return slices.DeleteFunc(slices.Clone(s.rec.Replicas), func(r api.Replica) bool { return r.Lost })
}

// start starts a replica of the new chain with what send sends.
func (s *switching) start(ctx context.Context, at place, peer string, send func(context.Context, api.SendRequest) (api.SendReply, error)) (dms.Replica, error) {
	r := directory.Successor{Replica: api.Replica{Peer: peer, Node: at.Node, Epoch: 1}, Incarnation: at.incarnation}
	req, err := s.g.startRequest(s.command(r), peer, r.Epoch)
	if err != nil {
		return dms.Replica{}, err
	}
	sent, err := send(ctx, api.SendRequest{To: at.Node, Start: req})
	if err != nil {
		s.g.settle(at.ID, at.kernel, api.ReplicaRef{Peer: peer, Epoch: r.Epoch})
		return dms.Replica{}, fmt.Errorf("start it on %s: %w", at.ID, err)
	}
	r.Recovers, s.bytes = sent.Recovers, sent.Bytes
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, r)
	return r.DM(), nil
}

// succeed has the first of the old replicas that says it has the newest state send it.
// Where none does, one will soon.
func (s *switching) succeed(ctx context.Context, req api.SendRequest) (sent api.SendReply, err error) {
	for {
		for _, r := range s.living() {
			k, err := s.g.o.members.kernel(r.Node.ID)
			if err != nil {
				return sent, err
			}
			req.ReplicaRef = api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch}
			sent, err = ask[api.SendReply](ctx, k, switchTimeout, api.KernelSucceed, req)
			if abi.CodeOf(err) != abi.NotLeader {
				return sent, err
			}
		}
		select {
		case <-time.After(firstRound):
		case <-ctx.Done():
			return sent, abi.Errorf(abi.Overloaded, "no replica of it leads")
		}
	}
}

// copyFirst has the first of the new replicas send its state, and its log if it has one.
func (s *switching) copyFirst(ctx context.Context, req api.SendRequest) (sent api.SendReply, err error) {
	first := s.started()[0]
	k, err := s.g.o.members.kernel(first.Node.ID)
	if err != nil {
		return sent, err
	}
	req.ReplicaRef = api.ReplicaRef{Peer: first.Peer, Epoch: first.Epoch}
	req.Start.Resume, req.Keep = true, true
	if sent, err = sendReplica(ctx, k, req); err != nil {
		return sent, err
	}
	to, err := s.g.o.members.kernel(req.To.ID)
	if err != nil {
		return sent, err
	}
	return sent, openReplica(ctx, to, api.ReplicaRef{Peer: req.Start.Peer, Epoch: req.Start.Epoch})
}

// command is the switch as the directory carries it out, with the replicas started so
// far and those given.
func (s *switching) command(more ...directory.Successor) directory.Switch {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := directory.Switch{
		Group: s.g.id, Generation: s.rec.Generation, DMs: s.specs, Replicas: slices.Concat(s.next, more),
		Cells: make([]api.Cells, len(s.coord.parts)),
	}
	for _, p := range s.coord.all() {
		cmd.Cells[p.layer] = p.kept
	}
	return cmd
}

// undo opens the old chain again. Kernels that cannot be told ask.
func (s *switching) undo(now *directory.Group) {
	s.coord.stop()
	s.settle(now, append(s.living(), s.started()...))
}

// finish makes the new chain the group's.
func (s *switching) finish(now *directory.Group) {
	old := s.g.coord.Load()
	s.coord.stage.Store(nil)
	s.g.coord.Store(s.coord)
	old.stop()
	s.settle(now, s.living())
	s.coord.start()
	s.g.changed(now)
}

// settle lets callers go on, and makes kernels do with replicas as the directory says.
func (s *switching) settle(now *directory.Group, replicas []api.Replica) {
	var wg sync.WaitGroup
	for node, h := range s.held {
		if h.k != nil {
			wg.Go(func() {
				_, err := ask[api.None](s.g.o.ctx, h.k, shortCall, api.KernelRelease, api.ReleaseRequest{Switch: s.id, Group: now.Group})
				if err != nil {
					s.g.o.log.Warn("a kernel could not be told that a switch is over; it asks", "node", node, "microservice", now.Name, "err", err)
				}
			})
		}
	}
	wg.Wait()
	s.released = time.Now()
	for _, r := range replicas {
		wg.Go(func() { s.g.settleAt(r.Node.ID, api.ReplicaRef{Peer: r.Peer, Epoch: r.Epoch}) })
	}
	wg.Wait()
}

func (s *switching) started() (all []api.Replica) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.next {
		all = append(all, r.Replica)
	}
	return all
}

// replicas returns the new replicas as DMs see them.
func (s *switching) replicas() (all []dms.Replica) {
	for _, r := range s.started() {
		all = append(all, r.DM())
	}
	return all
}

// errStaged refuses what a coordinator may not do yet.
var errStaged = abi.Errorf(abi.Refused, "while a chain takes another's place its coordinators may replicate and promote, not move or remove")

// replicate starts one more replica of the new chain.
func (s *switching) replicate(ctx context.Context, node string) (dms.Replica, error) {
	places, err := s.places()
	if err != nil {
		return dms.Replica{}, err
	}
	i := slices.IndexFunc(places, func(at place) bool { return at.ID == node })
	if i < 0 {
		return dms.Replica{}, abi.Errorf(abi.Placement, "%s may not run on %s", s.rec.Name, node)
	}
	peer, err := s.number()
	if err != nil {
		return dms.Replica{}, err
	}
	return s.start(ctx, places[i], peer, s.copyFirst)
}

// promote makes a replica the first.
func (s *switching) promote(peer string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.next, func(r directory.Successor) bool { return r.Peer == peer })
	if i < 0 {
		return abi.Errorf(abi.NotFound, "%s has no replica %s", s.rec.Name, peer)
	}
	r := s.next[i]
	s.next = slices.Insert(slices.Delete(s.next, i, i+1), 0, r)
	return nil
}
