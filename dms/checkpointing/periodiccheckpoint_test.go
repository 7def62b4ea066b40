package checkpointing_test

import (
	"context"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/checkpointing"
	"amino.run/dms/dmtest"
)

func TestEveryN(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1, 2, 3, 4, 5)
		b.Want(t, 1, 2, 3, 4, 5) // a read does not count
		fail(cl, "a")
		b.Want(t, 1, 2, 3)
		b.Add(t, 6, 7, 8)
		fail(cl, "a")
		b.Want(t, 1, 2, 3, 6, 7, 8)
	}, "PeriodicCheckpoint(every=3)")
}

func TestFailedCallGoesBack(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 2), abi.AppError(""))
		b.Want(t) // to the state before the first call
		b.Add(t, 3, 4, 5, 6)
		err := b.Do(t.Context(), nil, "trap", 7)
		dmtest.WantError(t, err, abi.ErrTrap)
		if s := abi.AsError(err).State; s != abi.StateSnapshot {
			t.Errorf("the error says state %d; calls since the checkpoint are gone too", s)
		}
		b.Want(t, 3, 4, 5)
		b.Add(t, 8)
		dmtest.WantError(t, b.Do(t.Context(), nil, "no such method"), abi.ErrMethod)
		b.Want(t, 3, 4, 5, 8) // what did not run takes nothing along
	}, "PeriodicCheckpoint(every=3)")
}

// After a move there is a checkpoint where the microservice is, before anything
// else is at risk.
func TestSavesAfterAMove(t *testing.T) {
	run := func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		if err := cl.Move("c"); err != nil {
			t.Fatal(err)
		}
		b.Add(t, 2)
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 3), abi.AppError(""))
		b.Want(t, 1)
		b.Add(t, 4)
		fail(cl, "c")
		b.Want(t, 1)
	}
	inBubble(t, run, dmtest.Mutant{DM: &checkpointing.PeriodicCheckpoint{Every: 3}, Callee: func(c dms.Callee) dms.Callee {
		return &ownDisk{Callee: c}
	}})
}

// ownDisk cannot read what was saved before a move.
type ownDisk struct {
	dms.Callee
	wrote, recovers bool
}

func (c *ownDisk) OnRecover(f func(context.Context) error) {
	c.Callee.OnRecover(func(ctx context.Context) error {
		c.recovers = true
		return f(ctx)
	})
}

func (c *ownDisk) Save(ctx context.Context, s dms.Snapshot) error {
	c.wrote = true
	return c.Callee.Save(ctx, s)
}

func (c *ownDisk) Load(ctx context.Context) (dms.Snapshot, error) {
	if !c.wrote && !c.recovers {
		return dms.Snapshot{}, abi.ErrNotFound
	}
	return c.Callee.Load(ctx)
}

// No more than N calls are ever at risk: when the disk is full the next is refused.
func TestFullDisk(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1, 2)
		cl.FillDisk("a", true)
		b.Add(t, 3) // ran, and its checkpoint is still to be written
		_, err := b.Append(4)
		dmtest.WantError(t, err, abi.ErrStorage, "full")
		b.Want(t, 1, 2, 3)
		cl.FillDisk("a", false)
		b.Add(t, 5)
		fail(cl, "a")
		b.Want(t, 1, 2, 3)
	}, "PeriodicCheckpoint(every=3)")
}

// A call failed and its checkpoint could not be read: nobody sees the half-done
// state, and it goes back as soon as it can.
func TestCheckpointCannotBeRead(t *testing.T) {
	broken := &unreadable{}
	run := func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		broken.now = true
		dmtest.WantError(t, b.Do(t.Context(), nil, "fail", 2), abi.AppError(""))
		_, err := b.List()
		dmtest.WantError(t, err, abi.ErrStorage, "cannot be read back")
		broken.now = false
		b.Want(t)
	}
	inBubble(t, run, dmtest.Mutant{DM: &checkpointing.PeriodicCheckpoint{Every: 3}, Callee: func(c dms.Callee) dms.Callee {
		broken.Callee = c
		return broken
	}})
}

type unreadable struct {
	dms.Callee
	now bool
}

func (c *unreadable) Load(ctx context.Context) (dms.Snapshot, error) {
	if c.now {
		return dms.Snapshot{}, abi.ErrStorage
	}
	return c.Callee.Load(ctx)
}

func TestPeriodicMutants(t *testing.T) {
	p := dmtest.Promises{Recovers: true, Undoes: true, Loses: 3}
	for name, dm := range map[string]dms.DM{
		"too seldom":          &checkpointing.PeriodicCheckpoint{Every: 9},
		"never":               dmtest.Mutant{DM: &checkpointing.PeriodicCheckpoint{Every: 3}, Callee: func(c dms.Callee) dms.Callee { return &once{Callee: c} }},
		"failed calls remain": dmtest.Mutant{DM: &checkpointing.PeriodicCheckpoint{Every: 3}, Callee: func(c dms.Callee) dms.Callee { return stuck{c} }},
	} {
		t.Run(name, func(t *testing.T) {
			p.DMs = dms.Chain{dm}
			dmtest.Caught(t, p)
		})
	}
}

// stuck does not go back.
type stuck struct{ dms.Callee }

func (stuck) Restore(context.Context, dms.Snapshot) error { return nil }

func TestValidate(t *testing.T) {
	_, err := dms.Parse("PeriodicCheckpoint(every=0)")
	dmtest.WantError(t, err, abi.ErrRefused, "every=0 is not more than zero", "every=3")
}
