package oms_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/internal/api"
	"amino.run/oms/internal/transcript"
)

// TestTranscripts plays what kernels hear while replicas are created, moved, lost
// and recovered, and while messages and the OMS itself are lost in between.
func TestTranscripts(t *testing.T) {
	transcript.Each(t, "testdata/*.txt", func(t *testing.T, s transcript.Script) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			n.wait = synctest.Wait
			s.Play(t, func(c transcript.Command) string {
				out := n.command(c)
				synctest.Wait()
				return n.takeHeard() + "\n" + out
			})
		})
	})
}

// command carries out a command. Each case has an example.
func (n *network) command(c transcript.Command) string {
	ctx := context.Background()
	switch c.Name {
	case "join": // join k1 tier=cloud store=s
		labels := maps.Clone(c.Opts)
		delete(labels, "store")
		k := n.kernel(c.Arg(0), "")
		k.node.Labels, k.node.Store = labels, c.Opts["store"]
		return result(k.join())
	case "deploy": // deploy kv dms=TestGrow(replicas=2);TestDurable selector=tier=cloud
		m, err := n.oms.PutModule(ctx, []byte(`{"abi":1,"name":"test"}`))
		if err != nil {
			return result(err)
		}
		spec := api.Spec{Name: c.Arg(0), Module: m.Digest}
		if c.Opts["dms"] != "" {
			spec.DMs = strings.Split(c.Opts["dms"], ";")
		}
		if spec.Selector, err = api.ParseSelector(c.Opts["selector"]); err != nil {
			return result(err)
		}
		_, err = n.oms.Deploy(ctx, api.DeployRequest{Spec: spec})
		return result(err)
	case "migrate": // migrate kv k2
		_, err := n.oms.Migrate(ctx, api.MigrateRequest{Ref: c.Arg(0), To: c.Arg(1)})
		return result(err)
	case "snapshot": // snapshot kv
		s, err := n.oms.Snapshot(ctx, api.Ref{Ref: c.Arg(0)})
		if err != nil {
			return result(err)
		}
		return string(s.Image)
	case "switch": // switch kv dms=TestGrow(replicas=2);TestDurable
		return n.switchTo(c)
	case "settle": // settle: kernels whose callers are held ask
		return n.settle()
	case "busy": // busy k1 2: calls are inside when it is asked the next times
		fmt.Sscan(c.Arg(1), &n.kernels[c.Arg(0)].busy)
		return ""
	case "follows": // follows k1 m1/0: another replica has the newest state
		n.kernels[c.Arg(0)].replicas[c.Arg(1)].follows = true
		return ""
	case "restore": // restore 7 kv dms=TestShards;TestGrow: from a snapshot of that state
		image, name := c.Arg(0), c.Arg(1)
		m, err := n.oms.PutModule(ctx, []byte(`{"abi":1,"name":"test"}`))
		if err != nil {
			return result(err)
		}
		_, err = n.oms.Deploy(ctx, api.DeployRequest{
			Spec:     api.Spec{Name: name, DMs: strings.Split(c.Opts["dms"], ";")},
			Snapshot: &api.Snapshot{Module: m.Digest, Image: []byte(image)},
		})
		return result(err)
	case "fork": // fork kv kv-2
		_, err := n.oms.Fork(ctx, api.ForkRequest{Ref: c.Arg(0), Name: c.Arg(1)})
		return result(err)
	case "delete": // delete kv
		return result(n.oms.Delete(ctx, api.Ref{Ref: c.Arg(0)}))
	case "set": // set k1 m1/0 7: as a call of the guest does
		n.kernels[c.Arg(0)].set(c.Arg(1), c.Arg(2), false)
		return ""
	case "save": // save k1 m1/0 7: and as a DM that saves
		n.kernels[c.Arg(0)].set(c.Arg(1), c.Arg(2), true)
		return ""
	case "fail": // fail k1 kernel.send unheard: the next one; none, and then another, the one after
		f := map[string]fault{"none": -1, "unsent": unsent, "unheard": unheard, "refused": refusing, "oms-crashes-before": omsCrash, "oms-crashes-after": omsGone, "dies": dying}
		n.kernels[c.Arg(0)].fail(c.Arg(1), f[c.Arg(2)])
		return ""
	case "kill": // kill k1
		n.kernels[c.Arg(0)].kill()
		return ""
	case "restart": // restart k1
		return result(n.kernels[c.Arg(0)].restart())
	case "drop": // drop k1: its stream; it renews over another
		k := n.kernels[c.Arg(0)]
		k.hangUp()
		synctest.Wait()
		k.connect()
		go k.renew()
		_, err := n.oms.Renew(ctx, k, api.RenewRequest{Node: k.node.ID, Incarnation: k.inc})
		return result(err)
	case "crash": // crash: the OMS, and it starts again
		n.crash()
		return ""
	case "wait": // wait 11s
		d, err := time.ParseDuration(c.Arg(0))
		if err != nil {
			n.t.Fatal(err)
		}
		time.Sleep(d)
		return ""
	case "show": // show: what the OMS knows and what the kernels hold
		return n.show()
	}
	n.t.Fatalf("unknown command %q", c.Name)
	return ""
}

func result(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func (n *network) show() string {
	var out strings.Builder
	for _, g := range n.oms.Groups() {
		out.WriteString(showGroup(g) + "\n")
	}
	for _, id := range slices.Sorted(maps.Keys(n.kernels)) {
		out.WriteString(n.kernels[id].show() + "\n")
	}
	return out.String()
}

// set changes a replica's number, if its gate is open, and saves it.
func (k *kernel) set(peer, state string, save bool) {
	k.mu.Lock()
	r := k.replicas[peer]
	if r == nil || r.closed {
		k.mu.Unlock()
		k.net.t.Errorf("%s does not run %s", k.node.ID, peer)
		return
	}
	fmt.Sscan(state, &r.state)
	value := r.state
	k.mu.Unlock()
	if save {
		k.save(peer, value)
	}
}
