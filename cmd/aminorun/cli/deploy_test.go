package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"amino.run/internal/guestbuild"
)

// Each of these is refused, says why and what to do, and leaves nothing behind.
func TestDeployRefuses(t *testing.T) {
	oms, good := cluster(t), counter(t)
	module, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	does(t, "deploy", good, "--name", "taken", "--oms", oms)
	empty := []byte("\x00asm\x01\x00\x00\x00")
	later := bytes.ReplaceAll(module, []byte("amino_abi_v1"), []byte("amino_abi_v2"))
	for _, c := range []struct {
		what  string
		args  []string
		words []string
	}{
		{"no file", []string{"/nowhere/x.wasm"}, []string{"the module cannot be read", "no such file"}},
		{"a directory", []string{t.TempDir()}, []string{"the module cannot be read", "is a directory"}},
		{"not Wasm", []string{write(t, "x.wasm", []byte("#!/bin/sh\n"))}, []string{"not a WebAssembly module", `\0asm`}},
		{"empty", []string{write(t, "x.wasm", nil)}, []string{"the module is empty"}},
		{"truncated", []string{write(t, "x.wasm", module[:len(module)/2])}, []string{"the module is refused"}},
		{"missing exports", []string{write(t, "x.wasm", empty)}, []string{"it does not export its memory", "it does not export amino_alloc", "build it with an Amino.Run SDK"}},
		{"another ABI", []string{write(t, "x.wasm", later)}, []string{"built for a later guest ABI (it exports amino_abi_v2", "use an SDK for version 1"}},
		{"taken", []string{good, "--name", "taken"}, []string{`the name "taken" is taken`, "--name"}},
		{"bad name", []string{good, "--name", "A b"}, []string{`"A b" is not a name`, "a-z"}},
		{"unknown DM", []string{good, "--dm", "Leases"}, []string{`unknown deployment manager "Leases"`, "there are", "LeaseCaching"}},
		{"unknown field", []string{good, "--dm", "LeaseCaching(time=1s)"}, []string{`no field "time"`, "ttl=10s"}},
		{"bad field", []string{good, "--dm", "LeaseCaching(ttl=long)"}, []string{"ttl", "long"}},
		{"contradiction", []string{good, "--dm", "KeepInPlace", "--dm", "ExplicitMigration"}, []string{"cannot be in one chain"}},
		{"twice", []string{good, "--dm", "SerializableRPC", "--dm", "SerializableRPC"}, []string{"twice; take one of them away"}},
		{"no kernel matches", []string{good, "--on", "region=mars"}, []string{"no kernel may run no-kernel-matches", "region=mars", "k1 (region=eu,tier=cloud)", "k3 (region=eu,tier=device)"}},
		{"too many arguments", []string{good, "--args", "[1, 2]"}, []string{"the constructor takes", "got 2"}},
		{"wrong argument", []string{guestbuild.Prebuilt(t, "examples/counter/assemblyscript/counter.wasm"), "--args", `["x"]`}, []string{"argument 1 (start)", "is text, want s64"}},
		{"rollback", []string{good, "--rollback", "never"}, []string{`unknown rollback "never": there are call and snapshot`}},
		{"memory", []string{good, "--memory", "1KiB"}, []string{"memory"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			args := append([]string{"deploy", "--oms", oms}, c.args...)
			if !slices.Contains(args, "--name") {
				args = append(args, "--name", strings.ReplaceAll(strings.ToLower(c.what), " ", "-"))
			}
			fails(t, exitFailed, c.words, args...)
		})
	}
	for _, g := range asJSON[[]groupView](t, "ls", "--oms", oms) {
		if g.Name == "no-kernel-matches" || g.Name == "memory" || g.Name == "wrong-argument" {
			t.Errorf("%s was refused and is there", g.Name)
		}
	}
}

// The example document deploys, with everything it says.
func TestDeployDocument(t *testing.T) {
	oms := cluster(t)
	spec := filepath.Join(guestbuild.Root(t), "examples", "counter", "spec.yaml")
	v := asJSON[groupView](t, "deploy", spec, "--oms", oms)
	if v.Name != "visits" || v.State != "serving" || len(v.DMs) != 2 || v.Config["greeting"] != "hello" || v.On != "region in (eu,us),tier notin (device);lab" {
		t.Errorf("deployed as %+v", v)
	}
	if slices.Contains(v.Kernels, "k3") {
		t.Errorf("it is on %v, and k3 is a device", v.Kernels)
	}
	if got := does(t, "invoke", "visits", "add", "5", "--oms", oms); got != "105\n" {
		t.Errorf("add 5 to 100: %s", got)
	}
}

// A flag stands over what a document says.
func TestFlagsOverDocument(t *testing.T) {
	d, err := readFlags(t, "--name", "mine", "--args", `[12345678901234567890, {"a": 1}]`, "--dm", "SerializableRPC", "--config", "k=v=w", "--memory", "1MiB",
		"--fuel", "7", "--timeout", "1m", "--rollback", "snapshot", "--on", "gpu", "../../../examples/counter/spec.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := d.spec
	if s.Name != "mine" || !slices.Equal(s.DMs, []string{"SerializableRPC"}) || s.Config["k"] != "v=w" || s.Config["greeting"] != "hello" ||
		s.Memory != 1<<20 || s.Fuel != 7 || s.Timeout.String() != "1m0s" || s.Rollback != "snapshot" || s.Selector.String() != "gpu" {
		t.Errorf("%+v", s)
	}
	if string(d.args[0]) != "12345678901234567890" || string(d.args[1]) != `{"a": 1}` {
		t.Errorf("args %s", d.args)
	}
	if d, err = readFlags(t, "../../../examples/counter/spec.yaml"); err != nil || d.spec.Name != "visits" || d.spec.Rollback != "call" || d.spec.Fuel != 1000000 {
		t.Errorf("without flags: %+v, %v", d, err)
	}
	if d, err = readFlags(t, "x.wasm"); err != nil || d.spec.DMs != nil || d.module != "x.wasm" {
		t.Errorf("a module alone: %+v, %v", d, err)
	}
}

// readFlags reads a deployment from a command line, the file last.
func readFlags(t *testing.T, args ...string) (*deployment, error) {
	t.Helper()
	var f deployFlags
	cmd := (&app{}).deployCmd()
	cmd.ResetFlags()
	f.add(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f.read(cmd.Flags().Arg(0))
}
