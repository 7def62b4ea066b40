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

// A microservice moves with its log, again and again, and its kernels are killed in
// between: no call is lost, and the log it left behind is not taken for its own.
func TestDurableMoves(t *testing.T) {
	c := start(t, three...) // which share checkpoints, but not logs
	run(t, c, "deploy", counter, "--dm", "AtLeastOnceRPC", "--dm", "DurableSerializableRPC")
	l := addTo(t, "counter", "add", through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"))
	for _, to := range []string{"k2", "k3", "k1", "k2", "k1", "k3"} {
		l.more(t, 50)
		run(t, c, "migrate", "counter", "--to", to)
		l.more(t, 50)
		if to == "k1" {
			kill(t, c, to)
			again(t, c, to)
			runsOn(t, dial(t, c), "counter", to)
		}
	}
	l.more(t, 50)
	ops := l.end()
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}
