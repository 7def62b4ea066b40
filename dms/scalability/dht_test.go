package scalability_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/scalability"
)

// shards returns the numbers of each shard.
func shards(t *testing.T, c *dmtest.Client) (all [][]int) {
	t.Helper()
	if err := c.Do(t.Context(), &all, "list"); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDHTDivides(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "a", "b", "c")
		for n := range 300 {
			cl.Client([]string{"a", "b", "c", "d"}[n%4]).Add(t, n)
		}
		total := 0
		for i, numbers := range shards(t, cl.Client("d")) {
			if total += len(numbers); len(numbers) < 60 {
				t.Errorf("shard %d has %d of 300 keys", i, len(numbers))
			}
		}
		if total != 300 {
			t.Errorf("%d of 300 keys", total)
		}
	}, "DHT(gather=list)")
}

// A key is at the same shard whoever asks, whatever moves, and in whatever order the
// replicas are listed.
func TestDHTKeysStay(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		for n := range 30 {
			cl.Client("a").Add(t, n)
		}
		before := shards(t, cl.Client("a"))
		for _, m := range [][2]string{{"a", "d"}, {"b", "a"}, {"c", "b"}} {
			if err := cl.MoveFrom(m[0], m[1]); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 30 {
			cl.Client("d").Add(t, n)
		}
		for i, numbers := range shards(t, cl.Client("b")) {
			if !slices.Equal(numbers, slices.Concat(before[i], before[i])) {
				t.Errorf("shard %d had %v, and has %v", i, before[i], numbers)
			}
		}
	}, "DHT(gather=list)")
}

func TestDHTLosesOneShard(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Kill("b")
		failed := 0
		for n := range 30 {
			if _, err := cl.Client("d").Append(n); err != nil {
				dmtest.WantError(t, err, abi.ErrUnavailable)
				failed++
			}
		}
		if failed < 3 || failed > 20 {
			t.Errorf("%d of 30 calls failed; a third of the keys is lost", failed)
		}
		dmtest.WantError(t, cl.Client("d").Do(t.Context(), nil, "list"), abi.ErrUnavailable)
		dmtest.WantError(t, cl.Client("d").Do(t.Context(), nil, "fail", 1), abi.ErrUnavailable, "some shards")
	}, `DHT(gather="list, fail")`)
}

func TestDHTWithoutAKey(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		a := cl.Client("a")
		dmtest.WantError(t, a.Do(t.Context(), nil, "list"), abi.ErrRefused, "list has no parameter", `DHT(gather="list")`)
		dmtest.WantError(t, a.Do(t.Context(), nil, "append"), abi.ErrBadArgument, "argument 1", "given 0")
		dmtest.WantError(t, a.Do(t.Context(), nil, "nope", 1), abi.ErrMethod, "nope")
	}, "DHT")
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		a := cl.Client("a")
		dmtest.WantError(t, a.Do(t.Context(), nil, "fail", 1), abi.ErrRefused, `fail has no parameter "ms"`)
		if err := a.Do(t.Context(), nil, "append", 1, 7); err != nil {
			t.Error(err)
		}
	}, "DHT(key=ms)")
}

// All shards fail alike, so the error is theirs.
func TestDHTGathersErrors(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		dmtest.WantError(t, cl.Client("a").Do(t.Context(), nil, "fail", 1), abi.AppError(""), "failed")
		dmtest.WantError(t, cl.Client("a").Do(t.Context(), nil, "trap", 1), abi.ErrTrap)
	}, `DHT(gather="fail,trap")`)
}

func TestDHTOnFewNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := dmtest.New(t, []string{"DHT(shards=5)"}, dmtest.Nodes()[:2]...)
		if got := strings.Join(cl.Where(), ""); len(got) != 5 || strings.Count(got, "b") != 2 {
			t.Errorf("five shards on %v", cl.Where())
		}
	})
}

// One key in all the forms in which callers may write it.
func TestDHTForms(t *testing.T) {
	d := &scalability.DHT{Shards: 1000}
	for name, forms := range map[string][][]byte{
		"7":   {{0x81, 0x07}, {0x81, 0x18, 0x07}, {0x81, 0x1b, 0, 0, 0, 0, 0, 0, 0, 7}, {0x81, 0xf9, 0x47, 0x00}},
		"a":   {{0x81, 0x61, 'a'}, {0x81, 0x78, 1, 'a'}},
		"1.5": {{0x81, 0xf9, 0x3e, 0x00}, {0x81, 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}},
	} {
		var at []dms.Peer
		for _, args := range forms {
			c := &listed{n: 1000}
			if _, err := d.Proxy(c, nil)(t.Context(), dms.Call{Method: "append", Args: args}); err != nil {
				t.Errorf("%s as %x: %v", name, args, err)
			}
			at = append(at, c.at)
		}
		if len(slices.Compact(at)) != 1 {
			t.Errorf("%s is at several shards", name)
		}
	}
}

// With one shard more, as many keys change their place as must.
func TestDHTIsConsistent(t *testing.T) {
	const keys, shards = 10000, 10
	place := func(n, key int) dms.Peer {
		args, err := abi.Args(key)
		if err != nil {
			t.Fatal(err)
		}
		c := &listed{n: n}
		if _, err := (&scalability.DHT{Shards: n}).Proxy(c, nil)(t.Context(), dms.Call{Method: "append", Args: args}); err != nil {
			t.Fatal(err)
		}
		return c.at
	}
	moved, most := 0, map[dms.Peer]int{}
	for key := range keys {
		if was := place(shards, key); was != place(shards+1, key) {
			moved++
		} else {
			most[was]++
		}
	}
	if want := keys / (shards + 1); math.Abs(float64(moved-want)) > float64(want)/5 {
		t.Errorf("%d keys moved; want about %d", moved, want)
	}
	for p, n := range most {
		if want := keys / (shards + 1); math.Abs(float64(n-want)) > float64(want)/5 {
			t.Errorf("%s has %d keys; want about %d", p, n, want)
		}
	}
}

// listed is a Caller with n replicas, which it lists from the last to the first.
type listed struct {
	dms.Caller
	n  int
	at dms.Peer
}

func (c *listed) Manifest() *abi.Manifest { return new(dmtest.List).Manifest() }

func (c *listed) Replicas() (all []dms.Replica) {
	for i := range c.n {
		all = append(all, dms.Replica{Peer: dms.Peer(fmt.Sprintf("m1/%d", c.n-i))})
	}
	return all
}

func (c *listed) Invoke(_ context.Context, r dms.Replica, _ dms.Call) ([]byte, error) {
	c.at = r.Peer
	return nil, nil
}
