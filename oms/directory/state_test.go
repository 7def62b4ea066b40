package directory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/directory"
)

func TestModuleByPrefix(t *testing.T) {
	s := directory.New()
	digests := []string{"abcdef01" + strings.Repeat("0", 56), "abcdef02" + strings.Repeat("0", 56), "123456" + strings.Repeat("0", 58)}
	for _, d := range digests {
		apply1(t, s, directory.PutModule{Module: api.Module{Digest: d}})
	}
	for ref, want := range map[string]string{digests[0]: digests[0], "abcdef02": digests[1], "123456": digests[2]} {
		if m, err := s.Module(ref); err != nil || m.Digest != want {
			t.Errorf("%s is %v, %v", ref, m, err)
		}
	}
	for ref, want := range map[string]*abi.Error{"abcdef": {Code: abi.BadArgument}, "12345": abi.ErrNotFound, "999999": abi.ErrNotFound, "": abi.ErrNotFound} {
		if m, err := s.Module(ref); !errors.Is(err, want) {
			t.Errorf("%q is %v, %v; want %v", ref, m, err, want.Code)
		}
	}
	if all := s.Modules(); len(all) != 3 || all[0].Digest != digests[2] {
		t.Errorf("modules are %v", all)
	}
}

func apply1(t *testing.T, s *directory.State, cmd directory.Command) *directory.Group {
	t.Helper()
	c := s.Begin()
	if _, err := c.Apply(cmd); err != nil {
		t.Fatalf("%+v: %v", cmd, err)
	}
	s.Commit(c)
	return c.Group()
}

// A command never changes a record that was read before it.
func TestRecordsDoNotChange(t *testing.T) {
	s := directory.New()
	apply1(t, s, directory.Join{Node: api.Node{ID: "k1"}, Incarnation: 1})
	apply1(t, s, directory.Create{Spec: api.Spec{Name: "kv"}, Node: api.Node{ID: "k1"}, Incarnation: 1})
	before := s.Group("m1")
	shown := fmt.Sprintf("%+v", *before)
	for _, cmd := range []directory.Command{
		directory.Run{Group: "m1"}, directory.Attach{Group: "m1"}, directory.Prepare{Group: "m1"}, directory.Prepare{Group: "m1", Peer: "m1/0"},
		directory.Keep{Group: "m1", Layer: 1, Cells: api.Cells{"c": nil}}, directory.Update{Node: api.Node{ID: "k1", Addr: "x"}, Incarnation: 1},
		directory.Lose{Peer: "m1/0", Epoch: 1}, directory.Told{Peer: "m1/0"}, directory.Down{Node: "k1", Incarnation: 1}, directory.Delete{Group: "m1"},
	} {
		apply1(t, s, cmd)
		if now := fmt.Sprintf("%+v", *before); now != shown {
			t.Fatalf("%T changed a record that was read:\n%s\nwas\n%s", cmd, now, shown)
		}
	}
}

// Commands applied together make the state that they make one by one, and so do the
// records of their changes.
func TestBatchesAreEqualToSingles(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		single, batched, loaded := directory.New(), directory.New(), directory.New()
		for range 20 {
			batch := batched.Begin()
			for range 1 + r.IntN(8) {
				cmd := randomCommand(r)
				one := single.Begin()
				_, err1 := one.Apply(cmd)
				single.Commit(one)
				_, err2 := batch.Apply(cmd)
				if fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Fatalf("seed %d: %+v: alone %v, in a batch %v", seed, cmd, err1, err2)
				}
			}
			batched.Commit(batch)
			if !reflect.DeepEqual(single, batched) {
				t.Fatalf("seed %d: the batch made another state", seed)
			}
		}
		loadAll(t, loaded, single)
		if show(loaded) != show(single) || nodes(loaded) != nodes(single) || !reflect.DeepEqual(loaded.Lost(), single.Lost()) {
			t.Fatalf("seed %d: the records made another state\n%swant\n%s", seed, show(loaded), show(single))
		}
		check(t, single)
	}
}

// randomCommand returns a command about few names, nodes and groups.
func randomCommand(r *rand.Rand) directory.Command {
	node := api.Node{ID: fmt.Sprintf("k%d", r.IntN(3))}
	id := fmt.Sprintf("m%d", 1+r.IntN(6))
	peer := fmt.Sprintf("%s/%d", id, r.IntN(3))
	inc, epoch := uint64(r.IntN(2)), uint64(1+r.IntN(4))
	switch r.IntN(13) {
	case 0:
		return directory.Join{Node: node, Incarnation: inc}
	case 1:
		return directory.Down{Node: node.ID, Incarnation: inc}
	case 2, 3, 4:
		return directory.Create{Spec: api.Spec{Name: fmt.Sprintf("n%d", r.IntN(4))}, Node: node, Incarnation: inc}
	case 5:
		return directory.Run{Group: id, Recovers: r.IntN(2) == 0}
	case 6:
		return directory.Delete{Group: id}
	case 7:
		return directory.Prepare{Group: id, Peer: peer}
	case 8:
		return directory.Prepare{Group: id}
	case 9:
		return directory.Add{Replica: api.Replica{Peer: peer, Node: node, Epoch: epoch}, Incarnation: inc}
	case 10:
		return directory.Move{Peer: peer, Epoch: epoch, ToEpoch: epoch + 1, To: node, Incarnation: inc}
	case 11:
		return directory.Remove{Peer: peer, Epoch: epoch}
	}
	return directory.Detach{Group: id}
}

// loadAll loads what a change that makes s from nothing would write.
func loadAll(t *testing.T, into, s *directory.State) {
	t.Helper()
	load := func(key string, v any) {
		err := into.Load(key, func(p any) error { reflect.ValueOf(p).Elem().Set(reflect.ValueOf(v).Elem()); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range s.Groups() {
		load("group/"+g.ID, g)
	}
	for _, n := range s.Nodes() {
		load("node/"+n.ID, n)
	}
	next := uint64(99)
	load("next", &next)
	m := api.Module{Digest: "d"}
	load("module/d", &m)
	if err := into.Load("group/bad", func(any) error { return errors.New("broken") }); err == nil {
		t.Error("a record that cannot be read is loaded")
	}
}

// check checks what holds in any state.
func check(t *testing.T, s *directory.State) {
	t.Helper()
	names := map[string]string{}
	on := map[string]int{}
	for _, g := range s.Groups() {
		if other := names[g.Name]; other != "" {
			t.Errorf("%s and %s are both %s", g.ID, other, g.Name)
		}
		names[g.Name] = g.ID
		if len(g.Replicas) == 0 || g.Refs < 1 {
			t.Errorf("%s has %d replicas and %d references", g.ID, len(g.Replicas), g.Refs)
		}
		for _, r := range g.Replicas {
			n := s.Node(r.Node.ID)
			if !r.Lost {
				on[n.ID]++
			}
			if !r.Lost && n.Down {
				t.Errorf("%s is on %s, which is down", r.Peer, n.ID)
			}
			if r.Epoch > g.Epochs[r.Peer] {
				t.Errorf("%s is in epoch %d, and %d was given out", r.Peer, r.Epoch, g.Epochs[r.Peer])
			}
		}
	}
	for _, n := range s.Nodes() {
		if s.Replicas(n.ID) != on[n.ID] {
			t.Errorf("%s counts %d replicas and has %d", n.ID, s.Replicas(n.ID), on[n.ID])
		}
	}
}
