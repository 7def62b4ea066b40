package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never:", what)
		}
	}
}

// The servers as processes of their own have them: an OMS, and kernels that find
// it.
func TestServers(t *testing.T) {
	o := start(t, "oms", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	start(t, "kernel", "--id", "a", "--oms", o.addr, "--data", t.TempDir(), "--labels", "tier=edge,region=eu")
	eventually(t, "the kernel is live", func() bool {
		ks := asJSON[[]kernelView](t, "ls", "kernels", "--oms", o.addr)
		return len(ks) == 1 && ks[0].ID == "a" && ks[0].Live && ks[0].Labels["tier"] == "edge"
	})
	does(t, "deploy", counter(t), "--oms", o.addr)
	if got := does(t, "invoke", "counter", "add", "5", "--oms", o.addr); got != "5\n" {
		t.Errorf("add 5: %s", got)
	}
}

// A kernel that starts before its OMS says so, and joins when there is one.
func TestKernelBeforeOMS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	k := start(t, "kernel", "--id", "early", "--oms", addr, "--data", t.TempDir())
	eventually(t, "it says that the OMS does not answer", func() bool {
		return strings.Contains(k.log.String(), "level=WARN") && strings.Contains(k.log.String(), addr)
	})
	start(t, "oms", "--listen", addr, "--data", t.TempDir())
	eventually(t, "it joins", func() bool {
		ks := asJSON[[]kernelView](t, "ls", "kernels", "--oms", addr)
		return len(ks) == 1 && ks[0].Live
	})
}

// Without a kernel, a deployment says how to start one.
func TestNoKernel(t *testing.T) {
	o := start(t, "oms", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	fails(t, exitFailed, []string{"no kernel", "start one with"}, "deploy", counter(t), "--oms", o.addr)
	if out := does(t, "ls", "kernels", "--oms", o.addr); !strings.HasPrefix(out, "KERNEL") || strings.Count(out, "\n") != 1 {
		t.Errorf("no kernels: %s", out)
	}
	if out := does(t, "ls", "--output", "json", "--oms", o.addr); out != "[]\n" {
		t.Errorf("no microservices: %s", out)
	}
}

func TestKernelWarnsOfLoopback(t *testing.T) {
	const warning = "only this machine can reach this kernel"
	for _, c := range []struct {
		listen, oms string
		want        bool
	}{
		{"127.0.0.1:0", "192.0.2.1:7070", true}, // TEST-NET-1: nobody answers
		{"localhost:0", "oms.invalid:7070", true},
		{"127.0.0.1:0", "localhost:1", false},
		{"127.0.0.1:0", "[::1]:1", false},
	} {
		k := start(t, "kernel", "--id", "far", "--listen", c.listen, "--oms", c.oms, "--data", t.TempDir())
		if got := strings.Contains(k.log.String(), warning); got != c.want {
			t.Errorf("listening at %s with the OMS at %s: warned %v\n%s", c.listen, c.oms, got, &k.log)
		}
		k.stop()
	}
}

// A data directory is one process's.
func TestDataDirectoryInUse(t *testing.T) {
	pid := "pid " + strconv.Itoa(os.Getpid())
	for _, cmd := range [][]string{
		{"kernel", "--oms", "127.0.0.1:1"},
		{"oms", "--listen", "127.0.0.1:0"},
		{"dev", "--listen", "127.0.0.1:0", "--kernels", "1"},
	} {
		dir := t.TempDir()
		args := append(cmd, "--data", dir)
		s := start(t, args...)
		fails(t, exitFailed, []string{dir + " is in use by another process", pid, "--data"}, args...)
		s.stop()
		start(t, args...).stop() // it is free again
	}
}

func TestDataDirectoryCannotBeMade(t *testing.T) {
	under := filepath.Join(write(t, "file", nil), "data")
	for _, cmd := range []string{"kernel", "oms", "dev"} {
		fails(t, exitFailed, []string{"the data directory cannot be made", filepath.Dir(under), "not a directory", "name another with --data"}, cmd, "--data", under)
	}
	locked := t.TempDir()
	if err := os.Mkdir(filepath.Join(locked, "LOCK"), 0o755); err != nil {
		t.Fatal(err)
	}
	fails(t, exitFailed, []string{"the data directory cannot be written", "name another with --data"}, "oms", "--data", locked)
}

func TestAddressTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	go func() { // it is no OMS: it hangs up
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for _, cmd := range []string{"kernel", "oms", "dev"} {
		fails(t, exitFailed, []string{taken, "address already in use", "choose another"}, cmd, "--listen", taken, "--data", t.TempDir())
	}
	fails(t, exitFailed, []string{"an OMS runs at " + cluster(t) + " already, perhaps another `aminorun dev`", "--listen 127.0.0.1:0"},
		"dev", "--listen", cluster(t))
	fails(t, exitFailed, []string{"cannot listen", "nonsense"}, "oms", "--listen", "nonsense", "--data", t.TempDir())
}

// What dev keeps in a directory is there the next time.
func TestDevAgain(t *testing.T) {
	args := []string{"dev", "--listen", "127.0.0.1:0", "--kernels", "1", "--data", t.TempDir()}
	d := start(t, args...)
	does(t, "deploy", counter(t), "--dm", "PeriodicCheckpoint(every=1)", "--oms", d.addr)
	does(t, "invoke", "counter", "add", "5", "--oms", d.addr)
	d.stop()
	d = start(t, args...)
	eventually(t, "the counter is back", func() bool {
		code, out, _ := aminorun(t, "invoke", "counter", "get", "--oms", d.addr)
		return code == exitDone && out == "5\n"
	})
}

// Without --data, dev leaves nothing.
func TestDevLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	start(t, "dev", "--listen", "127.0.0.1:0", "--kernels", "1").stop()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLabels(t *testing.T) {
	got, err := parseLabels("region=eu,tier=cloud")
	if err != nil || len(got) != 2 || got["region"] != "eu" || got["tier"] != "cloud" {
		t.Errorf("%v, %v", got, err)
	}
	var usage *usageError
	for _, text := range []string{"a", "a=b;c=d", "a in (b)", "=b", "a=", "a=b,,"} {
		if got, err := parseLabels(text); !errors.As(err, &usage) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
