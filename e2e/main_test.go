package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"amino.run/cmd/aminorun/cli"
	_ "amino.run/dms/standard"
	"amino.run/e2e/cluster"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel/client"
)

// The test binary is aminorun too, so that the processes of a test run under the
// race detector when the test does.
func TestMain(m *testing.M) {
	role := os.Getenv("AMINO_E2E")
	if role == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var code int
	if role == "adder" {
		code = runAdder(ctx, os.Args[1:])
	} else {
		code = cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	stop()
	os.Exit(code)
}

// lease is short, so that tests of failures need not wait long.
const lease = "2s"

// start runs an OMS and kernels k1, k2, ... with their own labels each. All share
// a store of checkpoints.
func start(t *testing.T, labels ...string) *cluster.Cluster {
	t.Helper()
	return startWith(t, true, labels...)
}

// startWith runs a cluster whose kernels share a store of checkpoints, or have one
// each.
func startWith(t *testing.T, shared bool, labels ...string) *cluster.Cluster {
	t.Helper()
	c := newCluster(t)
	if err := c.StartOMS("--lease", lease); err != nil {
		t.Fatal(err)
	}
	for i, l := range labels {
		flags := []string{"--labels", l}
		if shared {
			flags = append(flags, "--checkpoints", c.Dir+"/checkpoints")
		}
		if err := c.StartKernel(fmt.Sprintf("k%d", i+1), flags...); err != nil {
			t.Fatal(err)
		}
	}
	cl := dial(t, c)
	eventually(t, 10*time.Second, func() bool { return liveKernels(t, cl) == len(labels) })
	return c
}

// newCluster returns a cluster without processes, whose processes end with the test
// and whose logs a failed test shows.
func newCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	dir := t.TempDir()
	c := cluster.New(dir, []string{"AMINO_E2E=command"}, os.Args[0])
	t.Cleanup(func() {
		c.Close()
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, log := range logs {
			if id := strings.TrimSuffix(filepath.Base(log), ".log"); t.Failed() {
				t.Logf("%s: %s", id, c.Log(id))
			}
		}
	})
	return c
}

// three are labels for three kernels that placement can tell apart.
var three = []string{"region=eu,tier=cloud", "region=us,tier=cloud", "region=eu,tier=device"}

func dial(t *testing.T, c *cluster.Cluster) *client.Client {
	t.Helper()
	cl, err := client.Dial(t.Context(), c.OMS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	return cl
}

// run runs an aminorun command that must succeed, and returns what it printed.
func run(t *testing.T, c *cluster.Cluster, args ...string) string {
	t.Helper()
	out, err := c.Run(t.Context(), args...)
	if err != nil {
		t.Fatalf("aminorun %v: %v", args, err)
	}
	return out
}

// want runs an aminorun command and compares what it printed.
func want(t *testing.T, c *cluster.Cluster, printed string, args ...string) {
	t.Helper()
	if got := run(t, c, args...); got != printed {
		t.Errorf("aminorun %v printed %q, want %q", args, got, printed)
	}
}

// eventually waits until f holds; a test that waits in vain fails.
func eventually(t *testing.T, d time.Duration, f func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not come about in %v", d)
		}
	}
}

// through dials a client whose calls are made by a kernel.
func through(t *testing.T, c *cluster.Cluster, kernel string) *client.Client {
	t.Helper()
	cl := dial(t, c)
	if err := cl.Through(t.Context(), kernel); err != nil {
		t.Fatal(err)
	}
	return cl
}

// invoke calls a method, which must answer.
func invoke[T any](t *testing.T, cl *client.Client, name, method string, args ...any) T {
	t.Helper()
	out, err := client.Invoke[T](t.Context(), cl, name, method, args...)
	if err != nil {
		t.Fatalf("%s.%s%v: %v", name, method, args, err)
	}
	return out
}

// fails runs an aminorun command that must exit with a code and say all of words, in
// two lines at most.
func fails(t *testing.T, c *cluster.Cluster, code int, words []string, args ...string) {
	t.Helper()
	out, err := c.Run(t.Context(), args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		t.Errorf("aminorun %v: printed %q, %v; want exit code %d", args, out, err, code)
		return
	}
	said := strings.TrimPrefix(err.Error(), exit.Error()+": ")
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("aminorun %v said %q, want %q in it", args, said, w)
		}
	}
	if strings.Count(said, "\n") > 1 {
		t.Errorf("aminorun %v said more than two lines: %s", args, said)
	}
}

// kill ends processes with SIGKILL.
func kill(t *testing.T, c *cluster.Cluster, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := c.Kill(id); err != nil {
			t.Fatal(err)
		}
	}
}

// again starts processes that ended, and waits until the kernels among them have
// joined.
func again(t *testing.T, c *cluster.Cluster, ids ...string) {
	t.Helper()
	for _, id := range ids {
		began := time.Now()
		if err := c.Again(id); err != nil {
			t.Fatal(err)
		}
		if id == "oms" {
			continue
		}
		cl := dial(t, c)
		ttl, _ := time.ParseDuration(lease)
		eventually(t, 10*time.Second, func() bool { return node(t, cl, id).LeaseEnd.After(began.Add(ttl)) })
	}
}

// node returns what the OMS knows of a kernel.
func node(t *testing.T, cl *client.Client, kernel string) client.NodeStatus {
	t.Helper()
	nodes, err := cl.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(nodes, func(n client.NodeStatus) bool { return n.ID == kernel })
	if i < 0 {
		t.Fatalf("no kernel %s", kernel)
	}
	return nodes[i]
}

// holds returns what a kernel itself says of a microservice's replica on it; nil if
// there is none.
func holds(t *testing.T, cl *client.Client, kernel, name string) *api.ReplicaStatus {
	t.Helper()
	conn, err := mux.Dial(t.Context(), node(t, cl, kernel).Addr, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	all, err := mux.Call[[]api.ReplicaStatus](t.Context(), conn, api.KernelStatus, api.None{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Name == name {
			return &r
		}
	}
	return nil
}

func liveKernels(t *testing.T, cl *client.Client) (n int) {
	t.Helper()
	nodes, err := cl.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range nodes {
		if k.Live {
			n++
		}
	}
	return n
}

// where returns the kernel a microservice's primary runs on, "" while it is lost.
func where(t *testing.T, cl *client.Client, name string) string {
	t.Helper()
	g, err := cl.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if g.Replicas[0].Lost {
		return ""
	}
	return g.Replicas[0].Node.ID
}

// runsOn waits until a microservice's primary runs on a kernel; "" waits until it is
// lost.
func runsOn(t *testing.T, cl *client.Client, name, kernel string) {
	t.Helper()
	eventually(t, 15*time.Second, func() bool { return where(t, cl, name) == kernel })
}

// A listed is a microservice as `aminorun ls` shows it.
type listed struct {
	Name, State string
	Kernels     []string
}

// list returns what `aminorun ls` shows, by name.
func list(t *testing.T, c *cluster.Cluster) map[string]listed {
	t.Helper()
	var all []listed
	if err := json.Unmarshal([]byte(run(t, c, "ls", "--output", "json")), &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]listed{}
	for _, v := range all {
		byName[v.Name] = v
	}
	return byName
}
