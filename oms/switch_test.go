package oms_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms/internal/transcript"
)

// switches has k answer the messages of a switch as kernels do.
func (k *kernel) switches() {
	k.held = map[string]uint64{}
	handle(k, api.KernelHold, func(req api.HoldRequest) (api.HoldReply, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.held[req.Group] = req.Switch
		busy := k.busy > 0
		if busy {
			k.busy--
			k.mu.Unlock()
			time.Sleep(req.For)
			k.mu.Lock()
		}
		k.net.hear("%s hold %s of generation %d for %v%s", k.node.ID, req.Group, req.Generation, req.For, map[bool]string{true: ": busy"}[busy])
		return api.HoldReply{Quiet: !busy}, nil
	})
	handle(k, api.KernelRelease, func(req api.ReleaseRequest) (api.None, error) {
		if k.held[req.Group.ID] == req.Switch {
			delete(k.held, req.Group.ID)
		}
		k.net.hear("%s release %s %v", k.node.ID, req.Group.ID, req.Group.Spec.DMs)
		return api.None{}, nil
	})
	handle(k, api.KernelQuiet, func(ref api.ReplicaRef) (api.None, error) {
		r, err := k.find(ref)
		if err == nil {
			r.closed = true
		}
		k.net.hear("%s quiet %s e%d%s", k.node.ID, ref.Peer, ref.Epoch, failed(err))
		return api.None{}, err
	})
	handle(k, api.KernelSucceed, func(req api.SendRequest) (api.SendReply, error) {
		k.mu.Lock()
		r, err := k.find(req.ReplicaRef)
		if err == nil && r.follows {
			err = abi.Errorf(abi.NotLeader, "it does not lead")
		}
		if err == nil {
			r.closed = true
			req.Start.Closed, req.Start.Snapshot = false, &api.Snapshot{Image: fmt.Append(nil, r.state)}
		}
		k.mu.Unlock()
		k.net.hear("%s succeed %s e%d by %s on %s%s", k.node.ID, req.Peer, req.Epoch, req.Start.Peer, req.To.ID, failed(err))
		if err != nil {
			return api.SendReply{}, err
		}
		to := k.net.kernels[req.To.ID]
		if !to.alive() {
			return api.SendReply{}, abi.Errorf(abi.Unavailable, "%s is gone", req.To.ID)
		}
		reply, err := to.start(req.Start)
		return api.SendReply{Bytes: 100, Recovers: reply.Recovers}, err
	})
}

// switchTo puts another chain in the place of a microservice's.
func (n *network) switchTo(c transcript.Command) string {
	var specs []string
	if c.Opts["dms"] != "" {
		specs = strings.Split(c.Opts["dms"], ";")
	}
	rep, err := n.oms.Switch(context.Background(), api.SwitchRequest{Ref: c.Arg(0), DMs: specs})
	if err != nil {
		return result(err)
	}
	return fmt.Sprintf("from %v to %v", rep.From, rep.Group.Spec.DMs)
}

// settle has each kernel whose callers are held ask, as it does after a while.
func (n *network) settle() string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(n.kernels)) {
		k := n.kernels[id]
		for _, group := range slices.Sorted(maps.Keys(k.held)) {
			g, err := n.oms.Settle(context.Background(), api.Ref{Ref: group})
			if err == nil {
				delete(k.held, group)
			}
			out = append(out, fmt.Sprintf("%s goes on with %s under %v%s", id, group, g.Spec.DMs, failed(err)))
		}
	}
	return strings.Join(out, "\n")
}

// inOrder sorts what kernels are told at the same time.
func inOrder(heard []string) []string {
	phase := func(line, before string) string {
		for _, word := range strings.Fields(line) {
			switch word = strings.TrimPrefix(word, "kernel."); word {
			case "hold", "quiet":
				return word
			case "release", "forget", "open":
				return "end"
			case "answer":
				return before
			}
		}
		return ""
	}
	for i := 0; i < len(heard); {
		p, j := phase(heard[i], ""), i+1
		for p != "" && j < len(heard) && phase(heard[j], p) == p {
			j++
		}
		released := func(line string) bool { return strings.Contains(line, "release") }
		if p != "end" || slices.ContainsFunc(heard[i:j], released) { // else it is of a move
			slices.SortFunc(heard[i:j], cmp.Compare[string])
		}
		i = j
	}
	return heard
}
