package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/host"
	"amino.run/host/wazero"
	"amino.run/internal/api"
	"amino.run/internal/mux"
	"amino.run/kernel"
	"amino.run/kernel/client"
	"amino.run/oms"
)

// counterWasm is the guest of most figures: the counter in C, 64-bit addition.
const counterWasm = "examples/counter/c/counter.wasm"

// A world is an OMS and kernel k1 in this process, kernel k2 and a grpc-go echo
// server in processes of their own.
type world struct {
	dir     string
	engine  host.Engine
	oms     *mux.Server
	k1      *kernel.Kernel
	client  *client.Client
	grpc    string // address of the echo server
	cleanup []func()
}

func newWorld(ctx context.Context) (w *world, err error) {
	w = &world{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "amino-bench-"); err != nil {
		return nil, err
	}
	w.cleanup = append(w.cleanup, func() { os.RemoveAll(w.dir) })
	o, err := oms.Open(filepath.Join(w.dir, "oms"), oms.Options{Log: quiet()})
	if err != nil {
		return nil, err
	}
	w.cleanup = append(w.cleanup, func() { o.Close() })
	if w.oms, err = oms.Serve("127.0.0.1:0", o); err != nil {
		return nil, err
	}
	if w.engine, err = wazero.New(ctx, wazero.Options{CacheDir: filepath.Join(w.dir, "compiled")}); err != nil {
		return nil, err
	}
	if w.k1, err = startKernel(ctx, "k1", w.oms.Addr(), filepath.Join(w.dir, "k1"), w.engine); err != nil {
		return nil, err
	}
	w.cleanup = append(w.cleanup, func() { w.k1.Close(ctx) })
	if _, err := w.child("-role", "kernel", "-oms", w.oms.Addr(), "-data", filepath.Join(w.dir, "k2")); err != nil {
		return nil, err
	}
	if w.grpc, err = w.child("-role", "grpc"); err != nil {
		return nil, err
	}
	if w.client, err = client.Dial(ctx, w.oms.Addr()); err != nil {
		return nil, err
	}
	return w, w.live(ctx, 2)
}

// live waits until n kernels are members.
func (w *world) live(ctx context.Context, n int) error {
	for live := 0; live < n; {
		nodes, err := w.client.Nodes(ctx)
		if err != nil {
			return err
		}
		live = len(nodes)
	}
	return nil
}

func startKernel(ctx context.Context, id, oms, data string, e host.Engine) (*kernel.Kernel, error) {
	labels := map[string]string{"name": id, "tier": dms.Cloud, "region": "eu"}
	return kernel.Start(ctx, kernel.Config{ID: id, Labels: labels, Listen: "127.0.0.1:0", OMS: oms, Data: data, Engine: e, Log: quiet()})
}

// child starts this program again in a role and returns the address it prints.
func (w *world) child(args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	children = append(children, cmd.Process.Pid)
	w.cleanup = append(w.cleanup, func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// serveKernel is a child's role: a kernel beside k1.
func serveKernel(ctx context.Context) error {
	e, err := wazero.New(ctx, wazero.Options{CacheDir: filepath.Join(*data, "compiled")})
	if err != nil {
		return err
	}
	k, err := startKernel(ctx, *id, *omsAddr, *data, e)
	if err != nil {
		return err
	}
	fmt.Println(k.Node().Addr)
	select {}
}

func (w *world) close() {
	for i := len(w.cleanup) - 1; i >= 0; i-- {
		w.cleanup[i]()
	}
}

// deploy deploys a committed module and moves it to a kernel.
func (w *world) deploy(ctx context.Context, path, name, on string, chain ...string) error {
	if err := w.deployWhere(ctx, path, name, nil, chain...); err != nil {
		return err
	}
	_, err := w.client.Migrate(ctx, name, on)
	return err
}

// deployWhere deploys a committed module on a kernel that is selected.
func (w *world) deployWhere(ctx context.Context, path, name string, where api.Selector, chain ...string) error {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return errors.Join(err, errors.New("run it in the root of the repository"))
	}
	m, err := w.client.PutModule(ctx, wasm)
	if err != nil {
		return err
	}
	_, err = w.client.Deploy(ctx, client.Spec{Name: name, Module: m.Digest, DMs: append([]string{}, chain...), Selector: where}, nil)
	return err
}

// alone selects one kernel.
func alone(kernel string) api.Selector {
	return api.Selector{{{Key: "name", Op: api.Equal, Values: []string{kernel}}}}
}

// mustArgs encodes arguments that cannot fail to be.
func mustArgs(v ...any) []byte {
	b, err := abi.Args(v...)
	if err != nil {
		panic(err)
	}
	return b
}
