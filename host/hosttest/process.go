package hosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/host/hosttest/testguest"
)

// A Call is one call of a workload.
type Call struct {
	Method string
	Args   []byte
}

// A Result is what a workload led to.
type Result struct {
	Replies [][]byte
	Image   []byte // marshalled
}

// variable names the directory of a workload for another process.
const variable = "AMINO_HOSTTEST"

// Main runs the tests or, in a process that Elsewhere started, its workload.
func Main(m *testing.M, engine func() (host.Engine, error)) {
	dir := os.Getenv(variable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir, engine); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Elsewhere lets a state go on in another process.
func Elsewhere(t *testing.T, module []byte, img *host.Image, work []Call) Result {
	t.Helper()
	dir := t.TempDir()
	plan, err := json.Marshal(work)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"module": module, "image": img.Marshal(), "work": plan} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the other process: %v\n%s", err, &errs)
	}
	var r Result
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func child(dir string, engine func() (host.Engine, error)) error {
	ctx := context.Background()
	files := map[string][]byte{"module": nil, "image": nil, "work": nil}
	for name := range files {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		files[name] = b
	}
	var work []Call
	if err := json.Unmarshal(files["work"], &work); err != nil {
		return err
	}
	p, err := host.Prepare(files["module"])
	if err != nil {
		return err
	}
	img, err := host.ParseImage(files["image"])
	if err != nil {
		return err
	}
	e, err := engine()
	if err != nil {
		return err
	}
	defer e.Close(ctx)
	m, err := e.Compile(ctx, p)
	if err != nil {
		return err
	}
	i, err := m.Instantiate(ctx, host.Config{Env: &Env{}}, img)
	if err != nil {
		return err
	}
	defer i.Close(ctx)
	r, err := Work(ctx, i, work)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// Work makes the calls of a workload.
func Work(ctx context.Context, i host.Instance, work []Call) (r Result, err error) {
	for _, c := range work {
		v, err := i.Invoke(ctx, abi.Method, 0, c.Method, c.Args)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.Method, err)
		}
		r.Replies = append(r.Replies, v)
	}
	img, err := i.Snapshot()
	if err == nil {
		r.Image = img.Marshal()
	}
	return r, err
}

func anotherProcess(t *testing.T, r *room) {
	work := []Call{{"c", nil}, {"g", nil}, {"c", nil}, {"n", nil}}
	i := r.start(t, host.Limits{})
	if _, err := Work(context.Background(), i, work); err != nil {
		t.Fatal(err)
	}
	there := Elsewhere(t, testguest.Binary(), snapshot(t, i), work)
	here, err := Work(context.Background(), i, work)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%x", here.Replies) != fmt.Sprintf("%x", there.Replies) {
		t.Errorf("replies differ:\n%x here\n%x there", here.Replies, there.Replies)
	}
	a, errA := host.ParseImage(here.Image)
	b, errB := host.ParseImage(there.Image)
	if errA != nil || errB != nil || a.Digest() != b.Digest() {
		t.Errorf("the states differ (%v, %v)", errA, errB)
	}
}
