package directory_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"amino.run/internal/api"
	"amino.run/oms/directory"
	"amino.run/oms/internal/transcript"
)

func TestTranscripts(t *testing.T) {
	transcript.Each(t, "testdata/*.txt", func(t *testing.T, script transcript.Script) {
		s := directory.New()
		script.Play(t, func(c transcript.Command) string {
			switch c.Name {
			case "show": // show: groups and what they keep
				return show(s)
			case "nodes": // nodes: with the replicas they run
				return nodes(s)
			case "find": // find kv
				g, err := s.Find(c.Arg(0))
				if err != nil {
					return err.Error()
				}
				return g.ID
			}
			return apply(t, s, c)
		})
	})
}

func apply(t *testing.T, s *directory.State, c transcript.Command) string {
	cmd := command(t, s, c)
	change := s.Begin()
	if _, err := change.Apply(cmd); err != nil {
		if !change.Empty() {
			t.Errorf("%v failed and changed the state", c)
		}
		return err.Error()
	}
	s.Commit(change)
	return "ok"
}

// command reads a command. Each case has an example.
func command(t *testing.T, s *directory.State, c transcript.Command) directory.Command {
	number := func(key string) uint64 {
		n, err := strconv.ParseUint(c.Opts[key], 10, 64)
		if err != nil {
			t.Fatalf("%v: %s: %v", c, key, err)
		}
		return n
	}
	node := func(id string) (api.Node, uint64) { // as it was when it was chosen
		if at, incarnation, ok := strings.Cut(id, "#"); ok {
			n, _ := strconv.ParseUint(incarnation, 10, 64)
			return api.Node{ID: at}, n
		}
		if n := s.Node(id); n != nil {
			return n.Node, n.Incarnation
		}
		return api.Node{ID: id}, 0
	}
	switch c.Name {
	case "join": // join k1 incarnation=1
		return directory.Join{Node: api.Node{ID: c.Arg(0)}, Incarnation: number("incarnation")}
	case "update": // update k1 incarnation=1 addr=:2
		return directory.Update{Node: api.Node{ID: c.Arg(0), Addr: c.Opts["addr"]}, Incarnation: number("incarnation")}
	case "down": // down k1 incarnation=1
		return directory.Down{Node: c.Arg(0), Incarnation: number("incarnation")}
	case "create": // create kv on=k1 levels=2; a level is the default
		n, incarnation := node(c.Opts["on"])
		levels, _ := strconv.Atoi(c.Opts["levels"])
		return directory.Create{Spec: api.Spec{Name: c.Arg(0)}, Levels: levels, Node: n, Incarnation: incarnation}
	case "member": // member m1 on=k1: a group that is a member of m1
		n, incarnation := node(c.Opts["on"])
		return directory.CreateMember{Group: c.Arg(0), Node: n, Incarnation: incarnation}
	case "run": // run m1 recovers=true
		return directory.Run{Group: c.Arg(0), Recovers: c.Opts["recovers"] == "true"}
	case "attach": // attach m1
		return directory.Attach{Group: c.Arg(0)}
	case "detach": // detach m1
		return directory.Detach{Group: c.Arg(0)}
	case "delete": // delete m1
		return directory.Delete{Group: c.Arg(0)}
	case "prepare": // prepare m1, or prepare m1/0; prepare m1/0 new=true, where that is a group
		if strings.Contains(c.Arg(0), "/") && c.Opts["new"] == "" {
			return directory.Prepare{Group: directory.GroupOf(c.Arg(0)), Peer: c.Arg(0)}
		}
		return directory.Prepare{Group: c.Arg(0)}
	case "add": // add m1/1 on=k2 epoch=1
		n, incarnation := node(c.Opts["on"])
		return directory.Add{Replica: api.Replica{Peer: c.Arg(0), Node: n, Epoch: number("epoch")}, Incarnation: incarnation}
	case "move": // move m1/0 from=1 to=2 on=k2; on=k2#1 is k2 in its incarnation 1
		n, incarnation := node(c.Opts["on"])
		return directory.Move{Peer: c.Arg(0), Epoch: number("from"), ToEpoch: number("to"), To: n, Incarnation: incarnation, Recovers: c.Opts["recovers"] == "true"}
	case "promote": // promote m1/1 epoch=1
		return directory.Promote{Peer: c.Arg(0), Epoch: number("epoch")}
	case "remove": // remove m1/0 epoch=1
		return directory.Remove{Peer: c.Arg(0), Epoch: number("epoch")}
	case "lose": // lose m1/0 epoch=1
		return directory.Lose{Peer: c.Arg(0), Epoch: number("epoch")}
	case "told": // told m1/0
		return directory.Told{Peer: c.Arg(0)}
	case "switch": // switch m1 generation=0 dms=A;B m1/1=k1 m1/2=k2 cell=x
		cmd := directory.Switch{Group: c.Arg(0), Generation: number("generation")}
		if c.Opts["dms"] != "" {
			cmd.DMs = strings.Split(c.Opts["dms"], ";")
		}
		if c.Opts["cell"] != "" {
			cmd.Cells = []api.Cells{{c.Opts["cell"]: []byte("1")}}
		}
		for _, peer := range slices.Sorted(maps.Keys(c.Opts)) {
			if strings.Contains(peer, "/") {
				n, incarnation := node(c.Opts[peer])
				cmd.Replicas = append(cmd.Replicas, directory.Successor{Replica: api.Replica{Peer: peer, Node: n, Epoch: 1}, Incarnation: incarnation})
			}
		}
		return cmd
	case "keep": // keep m1 layer=1 cell=x
		return directory.Keep{Group: c.Arg(0), Layer: int(number("layer")), Cells: api.Cells{c.Opts["cell"]: []byte("1")}}
	}
	t.Fatalf("unknown command %q", c.Name)
	return nil
}

func show(s *directory.State) string {
	all := s.Groups()
	slices.SortFunc(all, func(a, b *directory.Group) int { return strings.Compare(a.ID, b.ID) })
	var out strings.Builder
	for _, g := range all {
		fmt.Fprintf(&out, "%s %s rev=%d refs=%d", g.ID, g.Name, g.Revision, g.Refs)
		if g.Generation > 0 {
			fmt.Fprintf(&out, " generation=%d%v", g.Generation, g.Spec.DMs)
		}
		if g.Creating {
			out.WriteString(" creating")
		}
		for _, r := range g.Replicas {
			fmt.Fprintf(&out, " %s@%s e%d", r.Peer, r.Node.ID, r.Epoch)
			if last := g.Epochs[r.Peer]; last != r.Epoch {
				fmt.Fprintf(&out, "(%d)", last)
			}
			if r.Lost {
				out.WriteString(" lost")
			}
			if r.Recovers {
				out.WriteString(" recovers")
			}
		}
		if len(g.Untold) > 0 {
			fmt.Fprintf(&out, " untold=%v", g.Untold)
		}
		for layer, cells := range g.Cells {
			for name := range cells {
				fmt.Fprintf(&out, " keeps %d.%s", layer, name)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

func nodes(s *directory.State) string {
	var out strings.Builder
	for _, n := range s.Nodes() {
		fmt.Fprintf(&out, "%s#%d replicas=%d", n.ID, n.Incarnation, s.Replicas(n.ID))
		if n.Down {
			out.WriteString(" down")
		}
		fmt.Fprintf(&out, " %v\n", s.On(n.ID))
	}
	return out.String()
}
