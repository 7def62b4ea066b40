package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"amino.run/abi"
)

// commands returns the commands and what `--help` prints for each.
func commands(t *testing.T) map[*cobra.Command]string {
	t.Helper()
	help := map[*cobra.Command]string{}
	root := (&app{}).root()
	for _, cmd := range append(root.Commands(), root) {
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		help[cmd] = out.String()
	}
	return help
}

func TestEveryCommandExplainsItself(t *testing.T) {
	// What users need not know, and words that the project does not use.
	internal := regexp.MustCompile(`(?i)\b(group|peer|cbor|grpc|mux|pebble|wazero|incarnation|actor|app|slave|master|todo|epoch|cobra)\b`)
	all := commands(t)
	if len(all) < 15 {
		t.Fatalf("%d commands", len(all))
	}
	for cmd, help := range all {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: Short is %q", cmd.Name(), cmd.Short)
		}
		if !strings.Contains(cmd.Example, "  aminorun "+strings.TrimPrefix(cmd.Name(), "aminorun")) {
			t.Errorf("%s: no example of it in %q", cmd.Name(), cmd.Example)
		}
		if word := internal.FindString(help); word != "" {
			t.Errorf("%s: its help says %q", cmd.Name(), word)
		}
	}
}

// Each example is a command line that is well formed.
func TestExamplesParse(t *testing.T) {
	for cmd := range commands(t) {
		for line := range strings.Lines(cmd.Example) {
			first, _, _ := strings.Cut(strings.TrimSpace(line), " && ")
			words := strings.Fields(strings.ReplaceAll(first, "'", ""))
			found, rest, err := (&app{}).root().Find(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if !cmd.HasParent() {
				continue // its examples carry a remark
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"frobnicate", "`aminorun --help` lists the commands"},
		{"ls --frob", "unknown flag: --frob; see `aminorun ls --help`"},
		{"ls --output xml", `--output is table or json, not "xml"`},
		{"ls pets", "there are microservices, kernels, modules and dms"},
		{"ls kernels modules", "wants microservices, kernels, modules or dms, got 2"},
		{"deploy", "wants one file, got 0; see `aminorun deploy --help`"},
		{"deploy x.wasm --args 5", "--args wants a JSON array"},
		{"deploy x.wasm --args [5", "--args wants a JSON array"},
		{"deploy x.wasm --config a", `--config wants key=value, not "a"`},
		{"deploy x.wasm --memory lots", "--memory: \"lots\" is not a size; write it as 64MiB"},
		{"deploy x.wasm --timeout 5", "--timeout: \"5\" is not a time; write it as 5s"},
		{"deploy x.wasm --timeout=-5s", "--timeout: \"-5s\" is not a time; write it as 5s"},
		{"deploy x.wasm --fuel many", "--fuel"},
		{"deploy x.wasm --on a==", "--on: selector"},
		{"invoke counter", "wants a microservice and a method (or --verb VERB)"},
		{"invoke --verb checkpoint", "wants a microservice and a method"},
		{"migrate counter", "`aminorun ls kernels` lists them"},
		{"snapshot counter", "-o names the file"},
		{"restore x.snap", "--name names the microservice"},
		{"fork counter", "wants a microservice and a name for the new one, got 1"},
		{"dms a b", "wants no argument or one name, got 2"},
		{"describe", "wants one microservice, got 0"},
		{"delete", "wants one microservice, got 0"},
		{"version 1", "wants no argument, got 1"},
		{"build", "wants one directory or script, got 0"},
		{"oms", "--data names the directory"},
		{"kernel", "--data names the directory"},
		{"kernel --data x --labels region", "--labels wants key=value"},
		{"kernel --data x --labels a=b;c=d", "--labels wants key=value"},
		{"kernel --data x --listen 0.0.0.0:7071", "other kernels reach this one at that address"},
		{"kernel --data x --listen :7071", "other kernels reach this one at that address"},
		{"dev --kernels 0", "--kernels is at least 1"},
	} {
		fails(t, exitUsage, []string{c.want}, strings.Fields(c.line)...)
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	for _, line := range []string{"", "--help", "help", "help deploy", "deploy --help"} {
		if out := does(t, strings.Fields(line)...); !strings.Contains(out, "Usage:") {
			t.Errorf("%q prints %q", line, out)
		}
	}
}

// Commands that need a cluster say how to start one. The call did not run, and
// nothing says that it may have.
func TestNoOMS(t *testing.T) {
	for _, line := range []string{
		"ls", "ls kernels", "invoke counter get", "describe counter", "delete counter", "migrate counter --to k2",
		"fork a b", "snapshot counter -o x", "deploy " + counter(t),
	} {
		args := append(strings.Fields(line), "--oms", "127.0.0.1:1")
		fails(t, exitFailed, []string{"no OMS answers at 127.0.0.1:1", "`aminorun dev`", "--oms", "connection refused"}, args...)
		if _, _, errs := aminorun(t, args...); strings.Contains(errs, "may have run") {
			t.Errorf("%s: %s", line, errs)
		}
	}
}

func TestOMSFromEnvironment(t *testing.T) {
	t.Setenv("AMINO_OMS", "127.0.0.1:2")
	fails(t, exitFailed, []string{"no OMS answers at 127.0.0.1:2"}, "ls")
	fails(t, exitFailed, []string{"no OMS answers at 127.0.0.1:3"}, "ls", "--oms", "127.0.0.1:3")
}

// What became of a call is said once.
func TestMessage(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("plain"), "plain"},
		{abi.AppError("too much"), "the microservice answered: too much"},
		{abi.Errorf(abi.Unavailable, "lost"), "lost (the call may have run)"},
		{context.DeadlineExceeded, "context deadline exceeded (the call may have run)"},
		{abi.Errorf(abi.Unavailable, "not sent: lost"), "not sent: lost"},
		{abi.Errorf(abi.Canceled, "gone; the call may have run"), "gone; the call may have run"},
		{abi.Errorf(abi.Trap, "unreachable"), "unreachable"},
		{fmt.Errorf("deploy x: %w", abi.Errorf(abi.NotFound, "no y")), "deploy x: no y"},
	} {
		if got := message(withFate(c.err)); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	out := does(t, "version")
	for _, want := range []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, abi.ExportVersion} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	var v versionView
	if err := json.Unmarshal([]byte(does(t, "version", "--output", "json")), &v); err != nil || v.Go != runtime.Version() || v.Version == "" {
		t.Errorf("%+v, %v", v, err)
	}
}
