package kernel

import (
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
)

// A fault in a deployment manager is the error of what met it, and nothing else's:
// neither the kernel, nor the gate, nor the guest's turn is lost with it.
func TestPanicsAreContained(t *testing.T) {
	c := newCluster(t, 2)
	k1, k2 := c.kernels[0], c.kernels[1]
	g := c.deploy(k1, "frail", conformance(t), probing("Probe"))
	c.deploy(k2, "friend", conformance(t), api.Spec{})
	want(t, k2, "none", "frail", "label")
	start := func(name, chain string) error {
		g := c.group(t, k1, name, conformance(t), probing(chain))
		_, err := tell[api.StartReply](c.testOMS, k1, api.KernelStart, api.StartRequest{Group: g, Peer: ref(g).Peer, Epoch: 1, Recover: true})
		return err
	}
	asked := func(k *Kernel, to string) error {
		_, err := tell[api.Bytes](c.testOMS, k, api.KernelAsk, api.AskRequest{Group: g.ID, To: to, Kind: "kernel.question", Body: []byte("\xa1\x65Panic\xf5")})
		return err
	}
	client := func(k *Kernel, v string) error {
		_, err := tell[api.Bytes](c.testOMS, k, api.KernelCall, api.CallRequest{Name: "frail", Verb: v})
		return err
	}
	for name, test := range map[string]struct {
		meet func() error
		says string
	}{
		"instance, from here":     {func() error { return client(k1, "panic") }, "the instance manager fell over"},
		"instance, from afar":     {func() error { return client(k2, "panic") }, "the instance manager fell over"},
		"instance, from a guest":  {func() error { _, err := try[any](k2, "friend", "verb", "frail", "panic"); return err }, "the instance manager fell over"},
		"proxy":                   {func() error { return client(k2, "panic-at-caller") }, "the proxy fell over"},
		"proxy, from a guest":     {func() error { _, err := try[any](k2, "friend", "verb", "frail", "panic-at-caller"); return err }, "the proxy fell over"},
		"message to the instance": {func() error { return asked(k1, ref(g).Peer) }, "the instance manager was asked to"},
		"message to the proxy":    {func() error { return asked(k2, "@k2") }, "the proxy was asked to"},
		"start":                   {func() error { return start("a", "Probe(break=build)") }, "the instance manager cannot be built"},
		"recovery":                {func() error { return start("b", "Probe(recovers=true, break=recover)") }, "the instance manager cannot recover"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.meet()
			if abi.CodeOf(err) != abi.Internal || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q %v, want that it says %q", abi.CodeOf(err), err, test.says)
			}
			if log := c.log.String(); !strings.Contains(log, test.says) || !strings.Contains(log, "probe_test.go") {
				t.Error("the log does not say where it was")
			}
			want(t, k2, int64(0), "frail", "count", 0)
			want(t, k2, int64(0), "friend", "count", 0)
			if _, err := tell[api.Snapshot](c.testOMS, k1, api.KernelCapture, ref(g)); err != nil {
				t.Errorf("it is not quiet any more: %v", err)
			}
		})
	}
}
