package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/kernel/client"
)

// TestPartition cuts a kernel off. It stops serving before its lease ends, and what it
// held runs elsewhere, with all that was answered; healed, it is a member again.
func TestPartition(t *testing.T) {
	t.Run("from the OMS", func(t *testing.T) { testPartition(t, false) })
	t.Run("from all", func(t *testing.T) { testPartition(t, true) })
}

func testPartition(t *testing.T, alone bool) {
	n := newNetwork(t, "oms", "k1", "k2", "k3", "client")
	c := newCluster(t)
	c.In = n.in
	if err := c.StartOMS("--lease", lease); err != nil {
		t.Fatal(err)
	}
	for i, labels := range three {
		if err := c.StartKernel(fmt.Sprintf("k%d", i+1), "--labels", labels, "--checkpoints", c.Dir+"/checkpoints"); err != nil {
			t.Fatal(err)
		}
	}
	on := func(kernel string) func() bool {
		return func() bool { return slices.Equal(list(t, c)["counter"].Kernels, []string{kernel}) }
	}
	live := func(kernel string, want bool) func() bool {
		return func() bool { return kernels(t, c)[kernel] == want }
	}
	for _, k := range []string{"k1", "k2", "k3"} {
		eventually(t, 10*time.Second, live(k, true))
	}
	run(t, c, "deploy", counter, "--dm", "PeriodicCheckpoint(every=1)", "--on", "tier=cloud", "--timeout", "3s")
	run(t, c, "migrate", "counter", "--to", "k2")
	adders := map[string]*adder{}
	for _, k := range []string{"k1", "k2", "k3"} {
		adders[k] = startAdder(t, n, c, k)
	}
	for _, a := range adders {
		a.more(t, 20)
	}

	cut := n.cutFromOMS
	if alone {
		cut = n.cutFromAll
	}
	heal := cut("k2")
	eventually(t, 15*time.Second, on("k1"))
	taken := time.Now()
	adders["k1"].more(t, 20)
	adders["k3"].more(t, 20)
	healed := time.Now()
	heal()
	eventually(t, 15*time.Second, live("k2", true))
	adders["k2"].more(t, 20) // by way of k1
	run(t, c, "migrate", "counter", "--to", "k2")
	for _, a := range adders {
		a.more(t, 20)
	}

	var ops []op
	for i, k := range []string{"k1", "k2", "k3"} {
		theirs := adders[k].end(t)
		for j := range theirs {
			theirs[j].caller = i + 1
		}
		for _, x := range theirs {
			if k == "k2" && alone && x.err == nil && x.end.After(taken) && x.end.Before(healed) {
				t.Errorf("k2, which reached none but itself, answered %d while k1 served", x.value)
			}
		}
		ops = append(ops, theirs...)
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Error(err)
	}
	t.Logf("%d calls, %d of them failed", len(ops), len(failed(ops)))
}

// kernels returns whether each kernel is live.
func kernels(t *testing.T, c *cluster.Cluster) map[string]bool {
	t.Helper()
	var all []struct {
		ID   string
		Live bool
	}
	if err := json.Unmarshal([]byte(run(t, c, "ls", "kernels", "--output", "json")), &all); err != nil {
		t.Fatal(err)
	}
	live := map[string]bool{}
	for _, k := range all {
		live[k.ID] = k.Live
	}
	return live
}

// A network is a switch, and hosts on it with addresses of their own, in network
// namespaces that end with the test.
type network struct {
	t     *testing.T
	name  string
	hosts []string
}

func newNetwork(t *testing.T, hosts ...string) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no command ip (package iproute2) to make network namespaces with")
	}
	n := &network{t, fmt.Sprintf("amino-e2e-%d-", os.Getpid()), hosts}
	if out, err := exec.Command("ip", "netns", "add", n.name+"switch").CombinedOutput(); err != nil {
		t.Skipf("network namespaces cannot be made: %v: %s", err, out)
	}
	t.Cleanup(func() { n.ip("netns", "del", n.name+"switch") })
	n.ip("-n", n.name+"switch", "link", "add", "br0", "type", "bridge")
	n.ip("-n", n.name+"switch", "link", "set", "br0", "up")
	for _, h := range hosts {
		ns := n.name + h
		n.ip("netns", "add", ns)
		t.Cleanup(func() { n.ip("netns", "del", ns) })
		n.ip("-n", ns, "link", "add", "eth0", "type", "veth", "peer", "name", h, "netns", n.name+"switch")
		n.ip("-n", n.name+"switch", "link", "set", h, "master", "br0", "up")
		n.ip("-n", ns, "addr", "add", n.addr(h)+"/24", "dev", "eth0")
		n.ip("-n", ns, "link", "set", "eth0", "up")
		n.ip("-n", ns, "link", "set", "lo", "up")
	}
	return n
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Errorf("ip %v: %v: %s", args, err, out)
	}
}

// addr returns a host's address, which nothing outside its namespace has.
func (n *network) addr(host string) string {
	return fmt.Sprintf("10.66.0.%d", slices.Index(n.hosts, host)+1)
}

// in is a cluster's In.
func (n *network) in(host string) ([]string, string) {
	return []string{"ip", "netns", "exec", n.name + host}, n.addr(host)
}

// cutFromOMS lets nothing from a host reach the OMS.
func (n *network) cutFromOMS(host string) (heal func()) {
	route := []string{"blackhole", n.addr("oms") + "/32"}
	n.ip(append([]string{"-n", n.name + host, "route", "add"}, route...)...)
	return func() { n.ip(append([]string{"-n", n.name + host, "route", "del"}, route...)...) }
}

// cutFromAll pulls a host's plug.
func (n *network) cutFromAll(host string) (heal func()) {
	n.ip("-n", n.name+"switch", "link", "set", host, "down")
	return func() { n.ip("-n", n.name+"switch", "link", "set", host, "up") }
}

// An adder is a process beside a kernel that adds to the counter through it, or makes
// another call of one number, again and again.
type adder struct {
	stop  func() error
	lines chan string
	ops   []op
}

// A line is an op as an adder prints it.
type line struct {
	Start, End time.Time
	Value      int64
	Code       abi.Code
	Msg        string
}

func startAdder(t *testing.T, n *network, c *cluster.Cluster, kernel string) *adder {
	t.Helper()
	return startCaller(t, n, c, kernel, "counter", "add", "1", "0s")
}

// startCaller starts an adder that calls a method with a number, and rests after each
// call.
func startCaller(t *testing.T, n *network, c *cluster.Cluster, kernel, name, method, number, rest string) *adder {
	t.Helper()
	prefix, _ := n.in(kernel)
	cmd := exec.Command(prefix[0], append(prefix[1:], os.Args[0], c.OMS(), kernel, name, method, number, rest)...)
	cmd.Env = append(os.Environ(), "AMINO_E2E=adder")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	a := &adder{lines: make(chan string, 1<<16)}
	a.stop = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	go func() {
		defer close(a.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			a.lines <- s.Text()
		}
		cmd.Wait()
	}()
	t.Cleanup(func() { a.stop() })
	return a
}

// more waits until n more calls, begun from now on, are answered.
func (a *adder) more(t *testing.T, n int) {
	t.Helper()
	now, late := time.Now(), time.After(20*time.Second)
	for n > 0 {
		select {
		case text, ok := <-a.lines:
			if !ok {
				t.Fatal("the adder has ended")
			}
			if x := a.read(t, text); x.err == nil && x.start.After(now) {
				n--
			}
		case <-late:
			t.Fatalf("%d more calls were not answered; the last error is %v", n, a.ops[max(0, len(a.ops)-1):])
		}
	}
}

func (a *adder) read(t *testing.T, text string) op {
	t.Helper()
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		t.Fatalf("an adder printed %q: %v", text, err)
	}
	x := op{start: l.Start, end: l.End, value: l.Value}
	if l.Code != abi.OK {
		x.err = &abi.Error{Code: l.Code, Msg: l.Msg}
	}
	a.ops = append(a.ops, x)
	return x
}

// end stops the adder and returns what it saw.
func (a *adder) end(t *testing.T) []op {
	t.Helper()
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	for text := range a.lines {
		a.read(t, text)
	}
	return a.ops
}

// runAdder is the adder's process: it makes calls through a kernel until ctx ends, and
// prints a line for each. args are the OMS's address and those of startCaller.
func runAdder(ctx context.Context, args []string) (code int) {
	name, method := args[2], args[3]
	number, err := strconv.ParseInt(args[4], 10, 64)
	rest, err2 := time.ParseDuration(args[5])
	cl, err3 := client.Dial(ctx, args[0])
	if err = errors.Join(err, err2, err3); err == nil {
		defer cl.Close()
		err = cl.Through(ctx, args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out := json.NewEncoder(os.Stdout)
	for ctx.Err() == nil {
		l := line{Start: time.Now()}
		l.Value, err = client.Invoke[int64](context.WithoutCancel(ctx), cl, name, method, number)
		l.End = time.Now()
		if err != nil {
			l.Code, l.Msg = abi.CodeOf(err), strings.ToValidUTF8(err.Error(), "?")
			time.Sleep(10 * time.Millisecond)
		}
		if out.Encode(l) != nil {
			return 1
		}
		time.Sleep(rest)
	}
	return 0
}
