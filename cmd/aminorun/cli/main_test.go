package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"amino.run/internal/guestbuild"
)

// TestMain ends the cluster that tests share, and is the command itself where a
// test runs it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("AMINO_TEST") == "command" {
		os.Exit(command())
	}
	code := m.Run()
	if shared.dev != nil {
		if err := shared.dev.end(); err != nil {
			fmt.Fprintln(os.Stderr, "the shared cluster:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func command() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// shared is one `aminorun dev` for all tests that need a cluster.
var shared struct {
	once sync.Once
	dev  *server
	err  error
}

// cluster returns the address of an OMS with three kernels. Tests share it, and
// what a test deploys goes when it ends.
func cluster(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() { shared.dev, shared.err = startServer("dev", "--listen", "127.0.0.1:0") })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	t.Cleanup(func() {
		for _, g := range asJSON[[]groupView](t, "ls", "--oms", shared.dev.addr) {
			does(t, "delete", g.Name, "--oms", shared.dev.addr)
		}
	})
	return shared.dev.addr
}

// A server is a command that runs until it is told to end.
type server struct {
	args     []string
	addr     string
	out, log syncBuffer
	cancel   context.CancelFunc
	code     chan int
	stop     func() // of start
}

var readyLine = regexp.MustCompile(`^(oms|dev|kernel \w+) ready at ([0-9.]+:[0-9]+)\b.*\n$`)

// startServer runs a command until it says where it is ready.
func startServer(args ...string) (*server, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{args: args, cancel: cancel, code: make(chan int, 1)}
	s.out.wrote = make(chan struct{}, 1)
	go func() { s.code <- Run(ctx, args, &s.out, &s.log) }()
	select {
	case <-s.out.wrote:
	case code := <-s.code:
		cancel()
		return nil, fmt.Errorf("%q ended with %d: %s", args, code, &s.log)
	}
	m := readyLine.FindStringSubmatch(s.out.String())
	if m == nil {
		return nil, errors.Join(fmt.Errorf("%q prints %q", args, &s.out), s.end())
	}
	s.addr = m[2]
	return s, nil
}

// end tells the server to stop and waits until it has.
func (s *server) end() error {
	s.cancel()
	if code := <-s.code; code != exitDone {
		return fmt.Errorf("%q ended with %d: %s", s.args, code, &s.log)
	}
	if n := strings.Count(s.out.String(), "\n"); n != 1 {
		return fmt.Errorf("%q prints %d lines, want the one that it is ready: %s", s.args, n, &s.out)
	}
	return nil
}

// start starts a server that ends with the test.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s, err := startServer(args...)
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	s.stop = stop
	return s
}

// A syncBuffer is a bytes.Buffer that many goroutines write to.
type syncBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // gets a value when there is something, if it is made
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.wrote <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// aminorun runs a command line and returns its exit code and what it printed.
func aminorun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	code = Run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// does runs a command line that must succeed, quietly, and returns what it printed.
func does(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := aminorun(t, args...)
	if code != exitDone || errs != "" {
		t.Fatalf("aminorun %q: exit code %d\n%s%s", args, code, out, errs)
	}
	return out
}

// fails runs a command line that must end with a code and a message of one or two
// lines that has all these words.
func fails(t *testing.T, want int, words []string, args ...string) {
	t.Helper()
	code, out, errs := aminorun(t, args...)
	if code != want || out != "" {
		t.Errorf("aminorun %q: exit code %d, want %d; stdout %q", args, code, want, out)
	}
	checkMessage(t, fmt.Sprintf("aminorun %q", args), errs, words...)
}

func checkMessage(t *testing.T, what, text string, words ...string) {
	t.Helper()
	if n := strings.Count(text, "\n"); !strings.HasPrefix(text, "aminorun: ") || n < 1 || n > 2 {
		t.Errorf("%s: want one or two lines of message, got %q", what, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s says %q; %q is not in it", what, text, w)
		}
	}
}

// asJSON runs a command line with --output json and returns what it printed.
func asJSON[T any](t *testing.T, args ...string) (v T) {
	t.Helper()
	out := does(t, append(args, "--output", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("aminorun %q: %v in %s", args, err, out)
	}
	return v
}

// counter returns the module of the counter in C.
func counter(t *testing.T) string { return guestbuild.Prebuilt(t, "examples/counter/c/counter.wasm") }

// write writes a file in a directory of the test's and returns its path.
func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
