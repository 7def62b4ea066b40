package oms_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms"
)

// crashDir is set in the child of TestKill9.
const crashDir = "AMINO_TEST_OMS_DIR"

// onDisk opens an OMS in a directory, with one kernel of a new incarnation.
func onDisk(t testing.TB, dir string) (*network, *kernel) {
	t.Helper()
	o, err := oms.Open(dir, oms.Options{Ballast: 1 << 10, TTL: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{t: t, oms: o, kernels: map[string]*kernel{}, saves: map[string]int{}, wait: func() {}}
	k := n.kernel("k1", "")
	k.inc = rand.Uint64()
	if err := k.join(); err != nil {
		t.Fatal(err)
	}
	return n, k
}

// TestKill9Child is the OMS that TestKill9 kills: it says on its standard output what
// it is about to do and what it has acknowledged.
func TestKill9Child(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("not a child")
	}
	n, _ := onDisk(t, dir)
	digest := n.module("test")
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	life := rand.Uint32()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("w%d-%x-%d", w, life, i)
				say("try deploy %s", name)
				g, err := n.oms.Deploy(context.Background(), api.DeployRequest{Spec: api.Spec{Name: name, Module: digest}})
				if err != nil {
					say("failed %v", err)
					return
				}
				say("did deploy %s %s", name, g.ID)
				if i%3 == 0 {
					continue
				}
				say("try delete %s", name)
				if err := n.oms.Delete(context.Background(), api.Ref{Ref: name}); err != nil {
					say("failed %v", err)
					return
				}
				say("did delete %s", name)
			}
		})
	}
	wg.Wait()
}

// TestKill9 kills an OMS again and again while it acknowledges, and compares what came
// back with what it had acknowledged.
func TestKill9(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	ids := map[string]string{}  // deployed, by name
	doubt := map[string]bool{}  // names of which something was tried and not acknowledged
	used := map[string]string{} // every ID ever acknowledged
	for range 8 {
		for _, line := range killed(t, dir, 30*time.Millisecond+rand.N(150*time.Millisecond)) {
			word := strings.Fields(line)
			switch {
			case strings.HasPrefix(line, "try"):
				doubt[word[2]] = true
			case strings.HasPrefix(line, "did deploy"):
				if old, ok := used[word[3]]; ok {
					t.Fatalf("%s is the ID of %s and of %s", word[3], old, word[2])
				}
				used[word[3]] = word[2]
				ids[word[2]] = word[3]
				delete(doubt, word[2])
			case strings.HasPrefix(line, "did delete"):
				delete(ids, word[2])
				delete(doubt, word[2])
			case strings.HasPrefix(line, "failed"):
				t.Fatal(line)
			}
		}
		n, k := onDisk(t, dir)
		for _, g := range n.oms.Groups() {
			if id, ok := ids[g.Name]; !ok && !doubt[g.Name] || ok && id != g.ID {
				t.Errorf("%s is %s; acknowledged was %q", g.Name, g.ID, id)
			}
		}
		for name, id := range ids {
			g, err := n.oms.Lookup(context.Background(), api.Ref{Ref: name})
			if err != nil && !(doubt[name] && errors.Is(err, abi.ErrNotFound)) {
				t.Errorf("%s, acknowledged as %s: %v", name, id, err)
			}
			if err != nil {
				delete(ids, name)
			} else if !g.Replicas[0].Lost || g.Replicas[0].Epoch < 2 {
				t.Errorf("%s was on a kernel that was killed, and is %s", name, showGroup(g))
			}
		}
		for name := range doubt { // settled now
			if g, err := n.oms.Lookup(context.Background(), api.Ref{Ref: name}); err == nil {
				ids[name] = g.ID
			}
		}
		clear(doubt)
		k.hangUp()
		if err := n.oms.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(used) == 0 {
		t.Errorf("nothing was ever acknowledged")
	}
}

// killed runs the child for a while and kills it, and returns what it said.
func killed(t *testing.T, dir string, after time.Duration) (lines []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill9Child$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	var once sync.Once
	for {
		line, err := r.ReadString('\n')
		if err != nil { // a line that was cut short says nothing
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed
			return lines
		}
		once.Do(func() { time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) })
		lines = append(lines, strings.TrimSpace(line))
	}
}
