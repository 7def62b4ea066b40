package checkpointing_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
)

func run(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), specs ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, dmtest.New(t, specs, dmtest.Nodes()...)) })
}

func verb(t *testing.T, c *dmtest.Client, v dms.Verb) {
	t.Helper()
	if err := c.Verb(v); err != nil {
		t.Errorf("%s: %v", v, err)
	}
}

// fail makes a node fail and come back.
func fail(cl *dmtest.Cluster, id string) {
	cl.Kill(id)
	time.Sleep(time.Second)
	cl.Restart(id)
}

func TestCheckpointAndRevert(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		dmtest.WantError(t, b.Verb(checkpointing.Revert), abi.ErrNotFound, "no checkpoint to revert to", "use the verb checkpoint first")
		b.Add(t, 1)
		verb(t, b, checkpointing.Checkpoint)
		b.Add(t, 2)
		verb(t, b, checkpointing.Revert)
		b.Want(t, 1)
		b.Add(t, 3)
		fail(cl, "a")
		b.Want(t, 1)
		dmtest.WantError(t, b.Verb(checkpointing.Revert, "now"), abi.ErrBadArgument, "takes 0 arguments, not 1")
	}, "ExplicitCheckpoint")
}

func TestNothingSavedYet(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		fail(cl, "a")
		b.Want(t)
	}, "ExplicitCheckpoint")
}

// A checkpoint is there whole or not at all: here the node fails while it writes,
// and there the disk is full.
func TestCheckpointNotWritten(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		verb(t, b, checkpointing.Checkpoint)
		b.Add(t, 2)
		time.AfterFunc(3*time.Millisecond, func() { cl.Kill("a") })
		dmtest.WantError(t, b.Verb(checkpointing.Checkpoint), abi.ErrUnavailable)
		cl.Restart("a")
		b.Want(t, 1)
		b.Add(t, 3)
		cl.FillDisk("a", true)
		dmtest.WantError(t, b.Verb(checkpointing.Checkpoint), abi.ErrStorage, "full")
		fail(cl, "a")
		b.Want(t, 1)
	}, "ExplicitCheckpoint")
}

func TestCheckpointFollowsAMove(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		verb(t, b, checkpointing.Checkpoint)
		b.Add(t, 2)
		if err := cl.Move("c"); err != nil {
			t.Fatal(err)
		}
		b.Want(t, 1, 2)
		verb(t, b, checkpointing.Revert)
		b.Want(t, 1)
	}, "ExplicitCheckpoint")
}

func TestMutants(t *testing.T) {
	p := dmtest.Promises{Recovers: true, Loses: -1, Verb: checkpointing.Checkpoint}
	for name, callee := range map[string]func(dms.Callee) dms.Callee{
		"only the first is saved": func(c dms.Callee) dms.Callee { return &once{Callee: c} },
		"answered before saved":   func(c dms.Callee) dms.Callee { return forgetting{c} },
	} {
		t.Run(name, func(t *testing.T) {
			p.DMs = dms.Chain{dmtest.Mutant{DM: new(checkpointing.ExplicitCheckpoint), Callee: callee}}
			dmtest.Caught(t, p)
		})
	}
}

// once saves the first snapshot only.
type once struct {
	dms.Callee
	saved bool
}

func (c *once) Save(ctx context.Context, s dms.Snapshot) error {
	if c.saved {
		return nil
	}
	c.saved = true
	return c.Callee.Save(ctx, s)
}

// forgetting saves nothing.
type forgetting struct{ dms.Callee }

func (forgetting) Save(context.Context, dms.Snapshot) error { return nil }

// inBubble is run with DMs that are not registered.
func inBubble(t *testing.T, f func(t *testing.T, cl *dmtest.Cluster), chain ...dms.DM) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl, err := dmtest.Deploy(t, dmtest.NewList, chain, dmtest.Nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		f(t, cl)
	})
}
