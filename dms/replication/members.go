package replication

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// mend is how often what a group lacks is looked for again.
const mend = 5 * time.Second

// members keep the replicas of a group as many as they should be. They are used by
// one upcall at a time.
type members struct {
	g     dms.Group
	want  int
	spare func() []dms.Node // for further replicas, the best first
	gone  atomic.Pointer[[]dms.Replica]
}

// split returns the replicas whose nodes are alive, and the others.
func (m *members) split() (live, lost []dms.Replica) {
	up := m.g.Nodes()
	for _, r := range m.g.Replicas() {
		if slices.ContainsFunc(up, func(n dms.Node) bool { return n.ID == r.Node.ID }) {
			live = append(live, r)
		} else {
			lost = append(lost, r)
		}
	}
	m.gone.Store(&lost)
	return live, lost
}

// isGone reports whether r was lost when it was last looked for. It may be used by
// many goroutines at once.
func (m *members) isGone(r dms.Replica) bool {
	gone := m.gone.Load()
	return gone != nil && slices.ContainsFunc(*gone, func(x dms.Replica) bool { return x.Peer == r.Peer })
}

// repair adds what is missing and then takes away what is lost, if there is another
// for it; so a lost replica, which may come back with its disk, counts until then.
// Where a majority is lost the others cannot tell what was answered, and nothing is
// taken away: the group waits.
func (m *members) repair(ctx context.Context) error {
	live, lost := m.split()
	if all := len(live) + len(lost); 2*len(live) <= all {
		return abi.Errorf(abi.Unavailable, "%d of %d replicas are lost, and only a majority may replace them; bring their nodes back", len(lost), all)
	}
	for len(live) < m.want {
		nodes := m.spare()
		if len(nodes) == 0 {
			break
		}
		r, err := m.g.Replicate(ctx, nodes[0])
		if err != nil {
			return err
		}
		live = append(live, r)
	}
	for len(live)+len(lost) > m.want {
		var r dms.Replica
		if n := len(lost) - 1; n >= 0 {
			r, lost = lost[n], lost[:n]
		} else { // one came back after another had taken its place
			r, live = live[len(live)-1], live[:len(live)-1]
		}
		if err := m.g.Remove(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// watch repairs the group when a replica is lost, and now and then.
func (m *members) watch() {
	m.g.OnFailure(func(ctx context.Context, _ dms.Replica) error { return m.repair(ctx) })
	m.g.Every(mend, func(ctx context.Context) {
		_ = m.repair(ctx) // or next time
	})
}
