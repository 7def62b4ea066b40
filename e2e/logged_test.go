package e2e

import (
	"testing"

	"amino.run/kernel/client"
)

// A kernel is killed while calls are written. Nothing that was answered is lost, and
// nothing runs twice, though every call is sent once more by the DM beside the caller.
func TestDurableKilled(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--dm", "AtLeastOnceRPC", "--dm", "DurableSerializableRPC", "--on", "region=us") // k2 alone
	cl := dial(t, c)
	runsOn(t, cl, "counter", "k2")
	var clients []*client.Client
	for range 8 {
		clients = append(clients, through(t, c, "k1"), through(t, c, "k3"))
	}
	l := addTo(t, "counter", "add", clients...)
	for range 3 {
		l.more(t, 200)
		kill(t, c, "k2")
		again(t, c, "k2")
	}
	l.more(t, 200)
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}
