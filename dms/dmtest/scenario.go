package dmtest

import (
	"errors"
	"slices"
	"time"

	"amino.run/abi"
)

// A Scenario is something that happens to a cluster while its microservice is
// called from every node.
type Scenario struct {
	Name    string
	Happens func(r *Run)
	Calm    bool // nothing fails, so no call may fail either, but by itself or refused
	Fails   bool // the node of the first replica fails
	Down    bool // and does not come back
	Many    bool // only for groups of several replicas
	NoOMS   bool // verbs may fail for want of it
}

// Scenarios returns what every DM must live through.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "healthy", Happens: func(*Run) {}, Calm: true},
		{Name: "slow links", Happens: slowLinks, Calm: true},
		{Name: "lost answers", Happens: lostAnswers},
		{Name: "one way only", Happens: oneWay},
		{Name: "late messages", Happens: lateMessages},
		{Name: "lost caller", Happens: lostCaller},
		{Name: "moves", Happens: moves, Calm: true},
		{Name: "moves and lost answers", Happens: func(r *Run) { r.Lossy(0.05); moves(r) }},
		{Name: "switches", Happens: switches, Calm: true},
		{Name: "OMS restarts", Happens: restartOMS, Calm: true},
		{Name: "OMS away", Happens: omsAway, Calm: true, NoOMS: true},
		{Name: "OMS away and node restarts", Happens: omsAwayNodeRestarts, Fails: true},
		{Name: "node restarts", Happens: restartNode, Fails: true},
		{Name: "node restarts at once", Happens: restartAtOnce, Fails: true},
		{Name: "node lost", Happens: loseNode, Fails: true, Down: true},
		{Name: "full disk", Happens: fullDisk},
		{Name: "follower moves", Happens: followerMoves, Calm: true, Many: true},
		{Name: "follower lost", Happens: loseFollower, Many: true},
		{Name: "majority restarts", Happens: majorityRestarts, Fails: true, Many: true},
	}
}

func slowLinks(r *Run) {
	for i, a := range r.nodes {
		for _, b := range r.nodes[:i] {
			r.Delay(a.ID, b.ID, 200*time.Millisecond)
		}
	}
	r.Jitter(true)
}

func lostAnswers(r *Run) {
	r.Lossy(0.2)
	time.Sleep(load / 2)
	r.Heal()
}

func oneWay(r *Run) {
	at, other := r.primary()
	for _, way := range []link{{at, other}, {other, at}} {
		time.Sleep(load / 8)
		r.Cut(way.from, way.to)
		time.Sleep(load / 8)
		r.Heal()
	}
}

// lateMessages makes what is sent in some moments so late that its senders have
// given up, and what they send next overtakes it.
func lateMessages(r *Run) {
	at, _ := r.primary()
	delay := func(d time.Duration) {
		for _, n := range r.nodes {
			r.Delay(n.ID, at, d)
		}
	}
	for i := range 10 {
		delay(timeout + time.Duration(1+i%4)*time.Second)
		time.Sleep(load / 40)
		delay(time.Millisecond)
		time.Sleep(load / 16)
	}
}

func lostCaller(r *Run) {
	time.Sleep(load / 4)
	_, other := r.primary()
	r.crash(other, load/4)
}

func moves(r *Run) {
	for range 8 {
		time.Sleep(load / 10)
		r.move(r.Where()[0])
	}
}

// move moves the replica on a node to one that has none.
func (r *Run) move(from string) {
	at := r.Where()
	i := slices.IndexFunc(r.nodes, func(n *node) bool { return !slices.Contains(at, n.ID) })
	if i < 0 {
		return
	}
	to := r.nodes[i]
	refused := r.Stays || r.Only != nil && !r.Only(to.Node)
	switch err := r.MoveFrom(from, to.ID); {
	case refused && !errors.Is(err, abi.ErrPlacement):
		r.Fail("a move was not refused: %v", err)
	case refused && !slices.Equal(r.Where(), at):
		r.Fail("a move was refused and made")
	case r.Sheds && errors.Is(err, abi.ErrUnavailable): // it was taken away meanwhile
	case !refused && (err != nil || !slices.Contains(r.Where(), to.ID)):
		r.Fail("a move from %s to %s failed: %v; the replicas are on %s", from, to.ID, err, r.Where())
	}
}

func followerMoves(r *Run) {
	for range 8 {
		time.Sleep(load / 10)
		if at := r.Where(); len(at) > 1 {
			r.move(at[len(at)-1])
		}
	}
}

// loseFollower loses a replica that is not the first, for good.
func loseFollower(r *Run) {
	time.Sleep(load / 4)
	if at := r.Where(); len(at) > 1 {
		now := time.Now()
		r.Lose(now, now.Add(NodeLease+time.Second+r.Lag))
		r.Kill(at[len(at)-1])
	}
}

// majorityRestarts makes most nodes of the group fail at once, but not all, and come
// back one after the other.
func majorityRestarts(r *Run) {
	time.Sleep(load / 4)
	at := r.Where()
	at = at[:min(len(at)/2+1, len(at)-1)]
	now := time.Now()
	r.Lose(now, now.Add(load/2+r.Lag))
	for _, id := range at {
		r.Kill(id)
	}
	for _, id := range at {
		time.Sleep(load / 2 / time.Duration(len(at)))
		r.Restart(id)
	}
}

func omsAway(r *Run) {
	time.Sleep(load / 4)
	r.StopOMS()
	time.Sleep(load / 2)
	r.StartOMS()
}

// omsAwayNodeRestarts makes the primary's node fail and come back while no one
// notices.
func omsAwayNodeRestarts(r *Run) {
	at, _ := r.primary()
	time.Sleep(load / 8)
	r.StopOMS()
	now := time.Now()
	r.Lose(now, now.Add(load/2+r.Lag))
	r.Kill(at)
	time.Sleep(load / 8)
	r.Restart(at)
	time.Sleep(load / 4)
	r.StartOMS()
}

// switches puts the chain in its own place, and the empty one between if that keeps
// the promises. Where replicas have writes of their own, those of one remain.
func switches(r *Run) {
	for i := range 8 {
		time.Sleep(load / 10)
		chain := r.DMs
		if i%2 == 0 && !r.Fixed && !r.Undoes && !r.Traceless {
			chain = nil
		}
		now := time.Now()
		switch err := r.Switch(chain); {
		case r.Divided && !errors.Is(err, abi.ErrRefused):
			r.Fail("a switch of what is divided was not refused: %v", err)
		case errors.Is(err, abi.ErrLeased): // a transaction is open; it is refused until that ends
		case !r.Divided && err != nil:
			r.Fail("a switch failed: %v", err)
		}
		if r.Reads == Separate {
			r.Lose(now, time.Now())
		}
	}
}

func restartOMS(r *Run) {
	for range 3 {
		time.Sleep(load / 4)
		r.RestartOMS()
	}
}

func restartNode(r *Run) {
	time.Sleep(load / 4)
	at, _ := r.primary()
	r.crash(at, load/4)
}

func restartAtOnce(r *Run) {
	for range 3 {
		time.Sleep(load / 4)
		at, _ := r.primary()
		r.crash(at, load/400)
	}
}

func loseNode(r *Run) {
	r.SharedStore = true
	time.Sleep(load / 2)
	at, _ := r.primary()
	now := time.Now()
	r.Lose(now, now.Add(NodeLease+time.Second+r.Lag))
	r.Kill(at)
}

func fullDisk(r *Run) {
	for _, n := range r.nodes {
		r.FillDisk(n.ID, true)
	}
	time.Sleep(load / 2)
	for _, n := range r.nodes {
		r.FillDisk(n.ID, false)
	}
}

// crash makes a node fail for a while.
func (r *Run) crash(id string, d time.Duration) {
	now := time.Now()
	if slices.Contains(r.Where(), id) {
		r.Lose(now, now.Add(d+r.Lag))
	}
	r.Kill(id)
	time.Sleep(d)
	r.Restart(id)
}

// primary returns the node of the primary, and another.
func (r *Run) primary() (primary, other string) {
	primary = r.Where()[0]
	i := slices.IndexFunc(r.nodes, func(n *node) bool { return n.ID != primary })
	return primary, r.nodes[i].ID
}
