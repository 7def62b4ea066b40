package cli

import (
	"slices"
	"strings"
	"testing"
)

// TestDM: the chain of a microservice is shown and replaced, and its state stays.
func TestDM(t *testing.T) {
	oms := cluster(t)
	on := func(args ...string) []string { return append(args, "--oms", oms) }
	does(t, on("deploy", counter(t), "--name", "switched", "--dm", "SerializableRPC")...)
	does(t, on("invoke", "switched", "add", "5")...)

	type chain struct {
		Name  string
		From  []string
		DMs   []string
		Pause float64 `json:"pause_ms"`
		State int     `json:"state_bytes"`
	}
	set := asJSON[chain](t, on("dm", "set", "switched", "ExplicitCheckpoint", "LeaseCaching(ttl=1s)")...)
	if !slices.Equal(set.From, []string{"SerializableRPC"}) || !slices.Equal(set.DMs, []string{"ExplicitCheckpoint", "LeaseCaching(ttl=1s)"}) || set.Pause <= 0 || set.State <= 0 {
		t.Errorf("set: %+v", set)
	}
	for _, args := range [][]string{{"dm", "switched"}, {"dm", "get", "switched"}} {
		if got := asJSON[chain](t, on(args...)...); got.Name != "switched" || !slices.Equal(got.DMs, set.DMs) {
			t.Errorf("%v shows %+v", args, got)
		}
	}
	if got := does(t, on("invoke", "switched", "add", "2")...); got != "7\n" {
		t.Errorf("after the switch it is %s", got)
	}
	if out := does(t, on("dm", "set", "switched", "--none")...); !strings.Contains(out, "PAUSE") || !strings.Contains(out, "LeaseCaching(ttl=1s)") {
		t.Errorf("dm set prints %s", out)
	}
	if got := asJSON[chain](t, on("dm", "switched")...); len(got.DMs) != 0 || got.DMs == nil {
		t.Errorf("after --none: %+v", got)
	}
	if got := asJSON[chain](t, on("dm", "set", "switched")...); len(got.DMs) != 0 || got.Pause != 0 {
		t.Errorf("to what it is: %+v", got)
	}
	if got := does(t, on("invoke", "switched", "get")...); got != "7\n" {
		t.Errorf("in the end it is %s", got)
	}
	if f := asJSON[groupView](t, on("fork", "switched", "forked")...); len(f.DMs) != 0 {
		t.Errorf("a fork has %v", f.DMs)
	}
}

func TestDMRefuses(t *testing.T) {
	oms := cluster(t)
	does(t, "deploy", counter(t), "--name", "kept", "--oms", oms)
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"dm", exitUsage, []string{"dm wants one microservice, got 0"}},
		{"dm a b", exitUsage, []string{"dm wants one microservice, got 2"}},
		{"dm get", exitUsage, []string{"get wants one microservice, got 0"}},
		{"dm set", exitUsage, []string{"set wants one microservice and its deployment managers", "--help"}},
		{"dm set kept --none Immutable", exitUsage, []string{"--none leaves no deployment manager, so Immutable cannot be set"}},
		{"dm nobody", exitFailed, []string{`no microservice "nobody": see aminorun ls`}},
		{"dm set nobody Immutable", exitFailed, []string{`no microservice "nobody": see aminorun ls`}},
		{"dm set kept Nonsense", exitFailed, []string{`unknown deployment manager "Nonsense"`}},
		{"dm set kept Immutable LeaseCaching", exitFailed, []string{"cannot be in one chain"}},
		{"dm set kept KeepInCloud(region=moon)", exitFailed, []string{"no kernel may run kept", "KeepInCloud(region=moon) does not allow"}},
		{"dm set kept LoadBalancedFrontEnd(replicas=9)", exitFailed, []string{"9 replicas need a node each", "goes on under the chain it had"}},
	} {
		fails(t, c.code, c.want, append(strings.Fields(c.line), "--oms", oms)...)
	}
	if got := does(t, "invoke", "kept", "add", "1", "--oms", oms); got != "1\n" {
		t.Errorf("after all that it answers %s", got)
	}
}

// A module that names deployment managers is deployed without any.
func TestDeployWithoutDMs(t *testing.T) {
	oms := cluster(t)
	if g := asJSON[groupView](t, "deploy", counter(t), "--name", "bare", "--no-dm", "--oms", oms); len(g.DMs) != 0 {
		t.Errorf("deployed under %v", g.DMs)
	}
	fails(t, exitUsage, []string{"--no-dm and --dm Immutable exclude each other"}, "deploy", counter(t), "--no-dm", "--dm", "Immutable", "--oms", oms)
}
