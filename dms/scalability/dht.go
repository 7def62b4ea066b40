package scalability

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
)

func init() { dms.Register("DHT", func() dms.DM { return &DHT{Shards: 3} }) }

// DHT divides a microservice into shards by key, so that it has room and time for more
// than one node has.
//
// Guarantees: a call runs at the shard of its key, and a key is always at the same one;
// keys are spread evenly (jump consistent hash, Lamping and Veach 2014, over xxHash). To
// each key the microservice is as if there were no other shard. A method without a key
// is refused, or, where gather names it, runs at every shard at once and answers an
// array of their answers. Shards are on nodes of their own as far as there are nodes.
// Each begins as the constructor made it.
//
// Costs: nothing for a call; memory for each shard. A gathered call waits for the
// slowest, and is no one moment's view.
//
// Needs: methods that touch one key. What comes after it in the chain applies to each
// shard by itself: [DHT(shards=3), ConsensusRSM-Cluster(replicas=3)] keeps three shards
// of three replicas. Alone, a shard is lost with its node, and the others go on.
//
// Verbs: none; those of DMs after it run at every shard.
type DHT struct {
	Shards int    `doc:"how many there are; it cannot be changed while there is state"`
	Key    string `doc:"name of the parameter that is the key; empty means the first, whatever its name"`
	Gather string `doc:"methods without a key that run at every shard, separated by commas"`
}

// Validate implements dms.Validator.
func (d *DHT) Validate() error { return dms.Positive("shards", d.Shards) }

// Concerns implements dms.Concerned.
func (d *DHT) Concerns() dms.Concerns {
	return dms.Concerns{
		Owns: []dms.Trait{dms.Shards, dms.Routes, dms.Membership, dms.Recovery},
		Has:  []dms.Trait{dms.Spreads},
		Minds: map[dms.Trait]string{
			dms.Freezes: "the state never changes, so that every node may have all of it; take DHT away",
			dms.OneNode: "one keeps the microservice to one node, and the other divides it among several",
		},
	}
}

// Proxy implements dms.Proxier.
func (d *DHT) Proxy(c dms.Caller, _ dms.Handler) dms.Handler {
	keys := d.keys(c.Manifest())
	gather := strings.FieldsFunc(d.Gather, func(r rune) bool { return r == ',' || r == ' ' })
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		shards := inOrder(c.Replicas())
		if len(shards) != d.Shards {
			return nil, abi.Errorf(abi.Unavailable, "not sent: %d of %d shards are known here", len(shards), d.Shards)
		}
		if call.Verb != "" {
			_, err := all(dms.InvokeAll(ctx, c, shards, call), call)
			return nil, err
		}
		if slices.Contains(gather, call.Method) {
			return all(dms.InvokeAll(ctx, c, shards, call), call)
		}
		at, ok := keys[call.Method]
		if !ok {
			return nil, d.keyless(c, call.Method)
		}
		i, err := shardOf(call, at, d.Shards)
		if err != nil {
			return nil, err
		}
		return c.Invoke(ctx, shards[i], call)
	}
}

// keys returns where each method that has a key has it among its arguments.
func (d *DHT) keys(m *abi.Manifest) map[string]int {
	keys := map[string]int{}
	for _, method := range m.Methods {
		at := slices.IndexFunc(method.Params, func(p abi.Param) bool { return d.Key == "" || p.Name == d.Key })
		if at >= 0 {
			keys[method.Name] = at
		}
	}
	return keys
}

// keyless returns why a method has no shard.
func (d *DHT) keyless(c dms.Caller, method string) error {
	if c.Manifest().Method(method) == nil {
		return abi.Errorf(abi.UnknownMethod, "no method %q", method)
	}
	key := "parameter"
	if d.Key != "" {
		key += " " + strconv.Quote(d.Key)
	}
	return abi.Errorf(abi.Refused, "%s has no %s to tell its shard by; give it one, or deploy with DHT(gather=%q) to run it at every shard", method, key, method)
}

// inOrder returns the replicas by their numbers: the same everywhere and always.
func inOrder(all []dms.Replica) []dms.Replica {
	all = slices.Clone(all)
	number := func(r dms.Replica) int {
		n, _ := strconv.Atoi(string(r.Peer[strings.LastIndexByte(string(r.Peer), '/')+1:])) // what the kernel numbered
		return n
	}
	slices.SortFunc(all, func(a, b dms.Replica) int { return cmp.Compare(number(a), number(b)) })
	return all
}

// all returns the array of the answers of all shards, or the first error; where the
// call ran at some shards only, an error of code abi.Unavailable.
func all(replies []dms.Reply[[]byte], call dms.Call) ([]byte, error) {
	var failed error
	ran, none := true, true // at all shards; at none
	answers := make([]abi.Raw, len(replies))
	for i, r := range replies {
		answers[i] = r.Value
		if len(r.Value) == 0 {
			answers[i] = null
		}
		fate := abi.CodeOf(r.Err).Fate()
		ran, none = ran && fate == abi.Ran, none && fate != abi.Ran && fate != abi.Perhaps
		failed = cmp.Or(failed, r.Err)
	}
	switch {
	case failed == nil:
		return abi.Encode(answers)
	case ran, none, call.ReadOnly:
		return nil, failed
	}
	return nil, abi.Errorf(abi.Unavailable, "it ran at some shards and may not have at others: %v", failed)
}

// null is CBOR's.
var null = abi.Raw{0xf6}

// Coordinator implements dms.Coordinated.
func (d *DHT) Coordinator(g dms.Group) {
	g.OnCreate(func(ctx context.Context) error {
		for len(g.Replicas()) < d.Shards {
			n, err := emptiest(g)
			if err != nil {
				return err
			}
			if _, err := g.Replicate(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// emptiest returns a node with the fewest members of the group.
func emptiest(g dms.Group) (dms.Node, error) {
	members := func(n dms.Node) (count int) {
		for _, r := range g.Replicas() {
			if r.Node.ID == n.ID {
				count++
			}
		}
		return count
	}
	nodes := g.Nodes()
	if len(nodes) == 0 {
		return dms.Node{}, abi.Errorf(abi.Placement, "placement allows no node for a shard; start more kernels")
	}
	return slices.MinFunc(nodes, func(a, b dms.Node) int { return cmp.Compare(members(a), members(b)) }), nil
}
