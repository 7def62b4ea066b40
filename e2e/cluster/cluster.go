// Package cluster runs an OMS and kernel servers as processes of their own, on
// loopback, for end-to-end tests and the demo.
package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Cluster is a set of processes in one directory. Its methods may be used by
// many goroutines at once.
type Cluster struct {
	Dir string // data and logs, by process

	// In says where a process runs: what its command begins with, and the host that it
	// listens on. Commands run as "client". If it is nil, all run here, on loopback. It
	// is set before the first process is started.
	In func(id string) (command []string, host string)

	command []string // how to run aminorun
	env     []string

	mu    sync.Mutex
	oms   string // address
	procs map[string]*process
}

type process struct {
	cmd  *exec.Cmd
	args []string
	addr string
	done chan struct{} // closed when it has ended
}

// New returns a cluster without processes. command runs aminorun; env is added to
// the environment.
func New(dir string, env []string, command ...string) *Cluster {
	return &Cluster{Dir: dir, command: command, env: env, procs: map[string]*process{}}
}

// in returns how to run aminorun as id, and the host it listens on.
func (c *Cluster) in(id string, args []string) (cmd []string, host string) {
	host = "127.0.0.1"
	if c.In != nil {
		cmd, host = c.In(id)
	}
	return slices.Concat(cmd, c.command, args), host
}

// OMS returns the address of the OMS.
func (c *Cluster) OMS() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.oms
}

// StartOMS starts the OMS, at its old address if it ran before.
func (c *Cluster) StartOMS(flags ...string) error {
	listen := c.OMS()
	if listen == "" {
		_, host := c.in("oms", nil)
		listen = host + ":0"
	}
	args := append([]string{"oms", "--listen", listen, "--data", filepath.Join(c.Dir, "oms")}, flags...)
	addr, err := c.start("oms", args)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.oms = addr
	c.mu.Unlock()
	return nil
}

// StartKernel starts a kernel, at its old address if it ran before.
func (c *Cluster) StartKernel(id string, flags ...string) error {
	_, host := c.in(id, nil)
	listen := host + ":0"
	c.mu.Lock()
	if p := c.procs[id]; p != nil {
		listen = p.addr
	}
	c.mu.Unlock()
	args := append([]string{"kernel", "--id", id, "--oms", c.OMS(), "--listen", listen, "--data", filepath.Join(c.Dir, id)}, flags...)
	_, err := c.start(id, args)
	return err
}

// Again starts a process that ended, as it was started before.
func (c *Cluster) Again(id string) error {
	c.mu.Lock()
	p := c.procs[id]
	c.mu.Unlock()
	args := append([]string{}, p.args...)
	for i, a := range args {
		if a == "--listen" {
			args[i+1] = p.addr
		}
	}
	_, err := c.start(id, args)
	return err
}

// start runs a process until it says that it is ready, and returns its address.
func (c *Cluster) start(id string, args []string) (string, error) {
	log, err := os.OpenFile(filepath.Join(c.Dir, id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	defer log.Close()
	line, _ := c.in(id, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env, cmd.Stderr = append(os.Environ(), c.env...), log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	p := &process{cmd: cmd, args: args, done: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, addr, ok := strings.Cut(lines.Text(), "ready at "); ok {
				ready <- strings.TrimSpace(addr)
			}
		}
		close(ready)
		cmd.Wait()
	}()
	select {
	case addr, ok := <-ready:
		if !ok {
			return "", fmt.Errorf("%s ended before it was ready: %s", id, c.Log(id))
		}
		p.addr = addr
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		return "", fmt.Errorf("%s was not ready in 30 s: %s", id, c.Log(id))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.procs[id] = p
	return p.addr, nil
}

// Log returns the end of what a process has logged.
func (c *Cluster) Log(id string) string {
	b, _ := os.ReadFile(filepath.Join(c.Dir, id+".log"))
	return string(b[max(0, len(b)-4096):])
}

// PID returns the ID of the process that runs as id, 0 if there is none.
func (c *Cluster) PID(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.procs[id]
	if p == nil {
		return 0
	}
	select {
	case <-p.done:
		return 0
	default:
		return p.cmd.Process.Pid
	}
}

// Kill ends a process with SIGKILL and waits for its end.
func (c *Cluster) Kill(id string) error { return c.Signal(id, syscall.SIGKILL) }

// Signal sends a signal to a process; one that ends it is waited for.
func (c *Cluster) Signal(id string, s syscall.Signal) error {
	c.mu.Lock()
	p := c.procs[id]
	c.mu.Unlock()
	if p == nil {
		return fmt.Errorf("no process %s", id)
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if s == syscall.SIGSTOP || s == syscall.SIGCONT {
		return nil
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		return fmt.Errorf("%s did not end in 20 s", id)
	}
}

// Run runs one aminorun command against the cluster and returns what it printed.
// Its error holds what it said on stderr.
func (c *Cluster) Run(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	err := c.RunTo(ctx, &stdout, &stderr, args...)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), err
}

// RunTo runs one aminorun command against the cluster.
func (c *Cluster) RunTo(ctx context.Context, stdout, stderr io.Writer, args ...string) error {
	line, _ := c.in("client", args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(append(os.Environ(), c.env...), "AMINO_OMS="+c.OMS())
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd.Run()
}

// Close kills every process that is left.
func (c *Cluster) Close() {
	c.mu.Lock()
	ids := make([]string, 0, len(c.procs))
	for id := range c.procs {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	for _, id := range ids {
		c.Signal(id, syscall.SIGCONT)
		c.Kill(id)
	}
}
