package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	if shared.end != nil {
		if err := shared.end(); err != nil {
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
	addr string
	end  func() error
	err  error
}

// cluster returns the address of an OMS with three kernels. Tests share it: each
// names its microservices after itself.
func cluster(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	shared.once.Do(func() { shared.addr, shared.end, shared.err = startServer("dev", "--listen", "127.0.0.1:0") })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.addr
}

var readyLine = regexp.MustCompile(`^\w+( \w+)? ready at ([0-9.]+:[0-9]+)`)

// startServer runs a command until it says that it is ready, and returns where.
// end tells it to stop and waits for it.
func startServer(args ...string) (addr string, end func() error, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log := &syncBuffer{}
	code := make(chan int, 1)
	go func() {
		c := Run(ctx, args, in, log)
		in.Close()
		code <- c
	}()
	end = func() error {
		cancel()
		if c := <-code; c != exitDone {
			return fmt.Errorf("%v ended with %d: %s", args, c, log)
		}
		return nil
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		cancel()
		<-code
		return "", nil, fmt.Errorf("%s", log)
	}
	go io.Copy(io.Discard, out)
	m := readyLine.FindStringSubmatch(lines.Text())
	if m == nil {
		return "", nil, fmt.Errorf("not a ready line: %s", lines.Text())
	}
	return m[2], end, nil
}

// A syncBuffer is a bytes.Buffer that many goroutines write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
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
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
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
