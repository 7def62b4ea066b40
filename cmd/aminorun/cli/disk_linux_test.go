package cli

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// onDisk returns aminorun as a process that sees a small disk at dir, of which so
// much is left, in KiB.
func onDisk(t *testing.T, dir, size, left string, args ...string) *exec.Cmd {
	t.Helper()
	if out, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("no disk of its own can be made: %v: %s", err, out)
	}
	const script = `set -e; dir=$1 size=$2 left=$3; shift 3
mount -t tmpfs -o size=${size}k none "$dir"
head -c $(((size - left) * 1024)) /dev/zero >"$dir/fill"
exec "$0" "$@"`
	cmd := exec.Command("unshare", append([]string{"-rm", "sh", "-c", script, os.Args[0], dir, size, left}, args...)...)
	cmd.Env = append(os.Environ(), "AMINO_TEST=command")
	return cmd
}

// A command on a full disk ends with a message, not with half a file.
func TestFullDisk(t *testing.T) {
	oms := cluster(t)
	does(t, "deploy", counter(t), "--name", "large", "--oms", oms)
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"kernel", "--data", dir}, "the data directory cannot be written"},
		{[]string{"oms", "--data", dir}, "the data directory cannot be written"},
		{[]string{"dev", "--data", dir}, "the data directory cannot be written"},
		{[]string{"snapshot", "large", "-o", filepath.Join(dir, "x.snap"), "--oms", oms}, "the snapshot was not written"},
		{[]string{"build", "../../../examples/counter/go", "-o", filepath.Join(dir, "x.wasm")}, "the module was not written"},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			var out, errs bytes.Buffer
			cmd := onDisk(t, dir, "64", "0", c.args...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || out.Len() > 0 {
				t.Errorf("%v; stdout %s", err, &out)
			}
			checkMessage(t, c.args[0], errs.String(), c.want, "no space left on device")
		})
	}
}

// An OMS whose disk is full refuses what it cannot keep, and keeps all else.
func TestFullDiskOfOMS(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	cmd := onDisk(t, dir, "65536", "65536", "oms", "--listen", "127.0.0.1:0", "--data", dir)
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the OMS ended with %v: %s", err, &log)
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	m := readyLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("it prints %q: %s", line, &log)
	}
	oms := m[2]
	start(t, "kernel", "--id", "a", "--oms", oms, "--data", t.TempDir())
	eventually(t, "the kernel is live", func() bool { return strings.Contains(does(t, "ls", "kernels", "--oms", oms), "live") })
	does(t, "deploy", counter(t), "--name", "before", "--oms", oms)

	fill := filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "root", dir, "fill")
	if err := os.WriteFile(fill, make([]byte, 65<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	deploy := []string{"deploy", counter(t), "--oms", oms, "--config", "blob=" + strings.Repeat("x", 256<<10), "--name"}
	kept := 0 // the OMS has some space in hand
	for ; kept < 200; kept++ {
		if code, _, _ := aminorun(t, append(deploy, "full-"+strconv.Itoa(kept))...); code != exitDone {
			break
		}
	}
	for range 3 {
		fails(t, exitFailed, []string{"disk is full: free space under " + dir, "nothing was lost"}, append(deploy, "full")...)
	}
	if n := len(asJSON[[]groupView](t, "ls", "--oms", oms)); n != kept+1 {
		t.Errorf("%d microservices, want %d: the one before, and those that were deployed", n, kept+1)
	}
	if got := does(t, "invoke", "before", "add", "5", "--oms", oms); got != "5\n" {
		t.Errorf("what runs stops: %s", got)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is room again", func() bool {
		code, _, _ := aminorun(t, "deploy", counter(t), "--name", "after", "--oms", oms)
		return code == exitDone
	})
}
