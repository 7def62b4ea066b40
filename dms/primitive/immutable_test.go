package primitive_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/primitive"
)

func TestImmutableAnswersLocally(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		b := cl.Client("b")
		if d := took(func() { b.Want(t) }); d != 2*time.Second {
			t.Errorf("the first call took %v", d)
		}
		cl.Kill("a")
		if d := took(func() { b.Want(t) }); d != 0 {
			t.Errorf("the second call took %v", d)
		}
	}, "Immutable")
}

func TestImmutableRefusesWrites(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		_, err := b.Append(1)
		dmtest.WantError(t, err, abi.ErrPermission, "append is not readonly", "mark the method readonly")
		b.Want(t)
	}, "Immutable")
}

// A fetch that failed is made again, and by one caller at a time.
func TestImmutableFetchesAgain(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		cl.Cut("a", "b")
		_, err := b.List()
		dmtest.WantError(t, err, abi.ErrUnavailable)
		cl.Heal()
		b.Want(t)
	}, "Immutable")
}

func TestImmutableFetchesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		h := new(primitive.Immutable).Proxy(c, nil)
		for range 5 {
			go func() { _, _ = h(t.Context(), dms.Call{ReadOnly: true}) }() // answered with nothing
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c.fetched != 1 {
			t.Errorf("fetched %d times", c.fetched)
		}
	})
}

type counting struct {
	dms.Caller
	fetched int
}

func (c *counting) Fetch(context.Context) (dms.Snapshot, error) {
	c.fetched++
	time.Sleep(time.Second)
	return dms.Snapshot{}, nil
}

func (c *counting) Run(context.Context, dms.Snapshot) (dms.Copy, error) { return empty{}, nil }

type empty struct{ dms.Copy }

func (empty) Invoke(context.Context, dms.Call) ([]byte, error) { return nil, nil }

// A copy that lets methods write, each caller for itself, is seen by the suite.
func TestImmutableMutant(t *testing.T) {
	dmtest.Caught(t, dmtest.Promises{Fixed: true, DMs: dms.Chain{lenient{new(primitive.Immutable)}}})
}

type lenient struct{ *primitive.Immutable }

func (l lenient) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	h := l.Immutable.Proxy(c, next)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		call.ReadOnly = true
		return h(ctx, call)
	}
}
