package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"amino.run/internal/guestbuild"
)

// What a snapshot file holds goes on where it was taken, and under other DMs.
func TestSnapshotRestore(t *testing.T) {
	oms := cluster(t)
	on := func(args ...string) []string { return append(args, "--oms", oms) }
	for language, module := range map[string][]string{ // how to deploy it
		"c":              {"deploy", counter(t)},
		"assemblyscript": {"deploy", guestbuild.Prebuilt(t, "examples/counter/assemblyscript/counter.wasm"), "--args", "[0]"},
	} {
		t.Run(language, func(t *testing.T) {
			name, file := "kept-"+language, filepath.Join(t.TempDir(), "kept.snap")
			does(t, on(append(module, "--name", name, "--dm", "PeriodicCheckpoint(every=3)", "--config", "k=v")...)...)
			does(t, on("invoke", name, "add", "41")...)
			v := asJSON[snapshotView](t, on("snapshot", name, "-o", file)...)
			if info, err := os.Stat(file); err != nil || int64(v.Bytes) != info.Size() || v.Name != name || v.File != file {
				t.Errorf("snapshot prints %+v; the file: %v", v, err)
			}
			does(t, on("invoke", name, "add", "1000")...)

			g := asJSON[groupView](t, on("restore", file, "--name", name+"-2")...)
			if g.Name != name+"-2" || len(g.DMs) != 1 || !strings.HasPrefix(g.DMs[0], "PeriodicCheckpoint") || g.Config["k"] != "v" {
				t.Errorf("restored as %+v", g)
			}
			if got := does(t, on("invoke", name+"-2", "add", "1")...); got != "42\n" {
				t.Errorf("the restored one adds up to %s", got)
			}
			if got := does(t, on("invoke", name, "get")...); got != "1041\n" {
				t.Errorf("the first one is at %s", got)
			}
			g = asJSON[groupView](t, on("restore", file, "--name", name+"-3", "--dm", "SerializableRPC")...)
			if len(g.DMs) != 1 || g.DMs[0] != "SerializableRPC" {
				t.Errorf("restored under %v", g.DMs)
			}
			if got := does(t, on("invoke", name+"-3", "get")...); got != "41\n" {
				t.Errorf("under another chain it is at %s", got)
			}
			fails(t, exitFailed, []string{"restore " + file, `the name "` + name + `" is taken`}, on("restore", file, "--name", name)...)
		})
	}
	fails(t, exitFailed, []string{`no microservice "nobody"`}, on("snapshot", "nobody", "-o", filepath.Join(t.TempDir(), "x"))...)
	under := filepath.Join(write(t, "file", nil), "x.snap")
	does(t, on("deploy", counter(t), "--name", "kept")...)
	fails(t, exitFailed, []string{"the snapshot was not written", "not a directory"}, on("snapshot", "kept", "-o", under)...)
}

// Of a shard, what is restored has the DMs that are its own.
func TestDMsOfAShard(t *testing.T) {
	for _, c := range []struct{ chain, want []string }{
		{nil, nil},
		{[]string{"LoadBalancedFrontEnd(replicas=2)"}, []string{"LoadBalancedFrontEnd(replicas=2)"}},
		{[]string{"AtLeastOnceRPC", "DHT(shards=3)", "ConsensusRSM-Cluster"}, []string{"ConsensusRSM-Cluster"}},
		{[]string{"DHT"}, []string{}},
		{[]string{"./mine.wasm"}, []string{"./mine.wasm"}},
	} {
		if got := ofShard(c.chain); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("of %v: %#v, want %#v", c.chain, got, c.want)
		}
	}
}
