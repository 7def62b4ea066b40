package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// newPeerRaft returns a subject that commits 64 B with hashicorp/raft and raft-wal on
// three nodes of this process, over loopback TCP: there is no call to another
// process, and no guest, as there is in ours.
func newPeerRaft(ctx context.Context, w *world) (subject, error) {
	var nodes []*raft.Raft
	var members raft.Configuration
	for i := range 3 {
		dir := filepath.Join(w.dir, fmt.Sprintf("raft-%d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return subject{}, err
		}
		log, err := wal.Open(dir)
		if err != nil {
			return subject{}, err
		}
		trans, err := raft.NewTCPTransport("127.0.0.1:0", nil, 3, 5*time.Second, io.Discard)
		if err != nil {
			return subject{}, err
		}
		c := raft.DefaultConfig()
		c.LocalID, c.LogOutput = raft.ServerID(fmt.Sprint(i)), io.Discard
		members.Servers = append(members.Servers, raft.Server{ID: c.LocalID, Address: trans.LocalAddr()})
		n, err := raft.NewRaft(c, drop{}, log, log, raft.NewDiscardSnapshotStore(), trans)
		if err != nil {
			return subject{}, err
		}
		w.cleanup = append(w.cleanup, func() { n.Shutdown().Error(); log.Close() })
		nodes = append(nodes, n)
	}
	if err := nodes[0].BootstrapCluster(members).Error(); err != nil {
		return subject{}, err
	}
	var leader *raft.Raft
	for leader == nil {
		for _, n := range nodes {
			if n.State() == raft.Leader {
				leader = n
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	payload := make([]byte, 64)
	return subject{"hashicorp/raft", func(int) error { return leader.Apply(payload, 0).Error() }}, nil
}

// drop is a state machine that keeps nothing.
type drop struct{}

func (drop) Apply(*raft.Log) any                 { return nil }
func (drop) Snapshot() (raft.FSMSnapshot, error) { return drop{}, nil }
func (drop) Restore(r io.ReadCloser) error       { return r.Close() }
func (drop) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (drop) Release()                            {}
