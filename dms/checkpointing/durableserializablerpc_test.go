package checkpointing_test

import (
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/primitive"
)

func TestDurable(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		for n := range 50 {
			b.Add(t, n)
		}
		fail(cl, "a")
		got, err := b.List()
		if err != nil || len(got) != 50 {
			t.Errorf("after a failure: %v, %v", got, err)
		}
	}, "DurableSerializableRPC")
}

// What fails leaves no trace: not in the state, not on disk, not in memory of it.
func TestDurableFailedCall(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		for _, method := range []string{"fail", "trap"} {
			if err := b.Do(t.Context(), nil, method, 2); err == nil {
				t.Errorf("%s did not fail", method)
			}
			b.Want(t, 1)
		}
		fail(cl, "a")
		b.Want(t, 1)
	}, "DurableSerializableRPC")
}

func TestDurableFullDisk(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		b.Add(t, 1)
		cl.FillDisk("a", true)
		_, err := b.Append(2)
		dmtest.WantError(t, err, abi.ErrStorage)
		b.Want(t, 1)
		cl.FillDisk("a", false)
		b.Add(t, 3)
		b.Want(t, 1, 3)
	}, "DurableSerializableRPC")
}

// A call whose answer was lost runs once, across a failure and a move.
func TestDurableRunsOnce(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		cl.LoseAnswers("a", "b", 3)
		b.Add(t, 1)
		cl.Cut("a", "b")
		time.AfterFunc(time.Second, func() { fail(cl, "a"); cl.Heal() })
		b.Add(t, 2)
		cl.Cut("a", "b")
		time.AfterFunc(time.Second, func() {
			if err := cl.Move("c"); err != nil {
				t.Error(err)
			}
		})
		b.Add(t, 3)
		b.Want(t, 1, 2, 3)
	}, "AtLeastOnceRPC", "DurableSerializableRPC")
}
