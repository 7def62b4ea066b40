package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/internal/wasm"
	. "amino.run/internal/wasm/asm"
	"amino.run/kernel/client"
)

// TestHostile gives a cluster all kinds of bad input. A counter answers throughout,
// and the processes are the same at the end.
func TestHostile(t *testing.T) {
	c := start(t, three...)
	run(t, c, "deploy", counter, "--name", "bystander")
	ids := []string{"oms", "k1", "k2", "k3"}
	pids := map[string]int{}
	for _, id := range ids {
		pids[id] = c.PID(id)
	}
	l := addTo(t, "bystander", "add", through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"))

	for name, f := range map[string]func(*testing.T, *cluster.Cluster){
		"modules": badModules, "guests": badGuests, "calls": badCalls, "deployments": badDeployments,
	} {
		t.Run(name, func(t *testing.T) {
			f(t, c)
			l.more(t, 50)
		})
	}

	ops := l.end()
	if errs := failed(ops); len(errs) > 0 {
		t.Errorf("the bystander failed %d of %d calls: %v", len(errs), len(ops), errs[0])
	}
	if err := linearizable(ops, 0, 1); err != nil {
		t.Errorf("the bystander: %v", err)
	}
	cl := dial(t, c)
	for _, id := range ids {
		if now := c.PID(id); now != pids[id] {
			t.Errorf("%s was process %d and is %d", id, pids[id], now)
		}
		if id != "oms" && !node(t, cl, id).Live {
			t.Errorf("%s has no lease any more", id)
		}
	}
}

// header begins every module.
var header = []byte("\x00asm\x01\x00\x00\x00")

// badModules deploys what is no guest. None of it is stored.
func badModules(t *testing.T, c *cluster.Cluster) {
	good, err := os.ReadFile(counter)
	if err != nil {
		t.Fatal(err)
	}
	nested := &Module{}
	nested.RawFunc("", nested.Type(nil, nil), Code(0, bytes.Repeat([]byte{Block, Empty}, 100_000), bytes.Repeat([]byte{End}, 100_001)))
	foreign := &Module{}
	foreign.Import("env", "fork", nil, nil)
	for name, m := range map[string]struct {
		wasm  []byte
		words []string
	}{
		"empty":          {nil, []string{"empty"}},
		"text":           {[]byte("#!/bin/sh\nrm -rf /\n"), []string{"not a WebAssembly module"}},
		"header alone":   {header, []string{"amino_abi_v1"}},
		"truncated":      {good[:len(good)/2], []string{"cut short"}},
		"last byte":      {good[:len(good)-1], []string{"cut short"}},
		"wrong ABI":      {bytes.ReplaceAll(good, []byte("amino_abi_v1"), []byte("amino_abi_v9")), []string{"amino_abi_v1"}},
		"no allocator":   {bytes.ReplaceAll(good, []byte("amino_alloc"), []byte("amino_alloq")), []string{"amino_alloc"}},
		"no memory":      {bytes.ReplaceAll(good, []byte("\x06memory\x02"), []byte("\x06nemory\x02")), []string{"memory"}},
		"500 MB of data": {append(bytes.Clone(header), Code(5, 3, 1, 0, 1, 11, wasm.AppendUint(nil, 500<<20))...), []string{"cut short"}},
		"nested deeply":  {nested.Bytes(), []string{"nested"}},
		"4 G locals":     {localsBomb(), []string{"locals"}},
		"other imports":  {foreign.Bytes(), []string{"env", "fork"}},
		"no manifest":    {manifested("", I64Const(0)), []string{"manifest"}},
		"bad manifest":   {manifested(`{"abi": 1, "name": "Bad Name!"}`, I64Const(0)), []string{"name"}},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, c, 1, m.words, "deploy", file(t, m.wasm), "--name", "bad")
		})
	}
	fails(t, c, 1, []string{"nothing.wasm", "no such file"}, "deploy", "nothing.wasm")
	modules, err := dial(t, c).Modules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if !strings.Contains(string(m.Manifest), `"counter"`) && !strings.Contains(string(m.Manifest), `"conformance"`) && !strings.Contains(string(m.Manifest), `"hostile"`) {
			t.Errorf("a module that was refused is stored: %s", m.Manifest)
		}
	}
}

func localsBomb() []byte {
	m := &Module{}
	m.RawFunc("", m.Type(nil, nil), Code(1, wasm.AppendUint(nil, 0xffffffff), 0x7e, End))
	return m.Bytes()
}

func file(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// manifested returns a module that looks like a guest. Its method does what code says,
// which leaves an i64, the answer; its constructor succeeds.
func manifested(manifest string, code ...any) []byte {
	const reply = 16 // where the frame of an empty success is
	i32 := []wasm.ValType{I32}
	m := &Module{}
	m.Memory(2, -1)
	m.Export("memory", wasm.Memory, 0)
	m.Func(abi.ExportVersion, nil, nil, nil)
	m.Func(abi.ExportAlloc, i32, i32, nil, I32Const(1024))
	m.Func(abi.ExportInvoke, []wasm.ValType{I32, I32}, []wasm.ValType{I64}, nil,
		LocalGet(0), Load8(0), If, 0x7e, I64Const(reply<<32|2), Else, Code(code...), End)
	m.Data(reply, []byte{0, 0})
	m.Data(32, []byte{0, 0, 0x9f, 1})       // success, and an array that does not end
	m.Data(48, []byte{200, 0, 'x'})         // an error code there is not
	m.Data(64, []byte{1, 0, 0xff, 0xfe})    // an error whose text is not text
	m.Data(80, []byte{16, 0, 'k', '9', 32}) // "moved", which only kernels say
	if manifest != "" {
		m.Custom(abi.ManifestSection, []byte(manifest))
	}
	return m.Bytes()
}

// badGuests deploys guests that misbehave when they are called.
func badGuests(t *testing.T, c *cluster.Cluster) {
	cl := dial(t, c)
	const manifest = `{"abi": 1, "name": "hostile", "methods": [{"name": "go", "result": "value"}]}`
	const before = "; the state is the one before the call"
	invokeIndex := 2
	for name, g := range map[string]struct {
		code    []byte
		want    abi.Code
		timeout string
	}{
		"outside memory":  {I64Const(0x7fff0000<<32 | 64), abi.BadReply, "500ms"},
		"at 4 GiB":        {I64Const(-1), abi.BadReply, "500ms"},
		"no reply at all": {I64Const(0), abi.BadReply, "500ms"},
		"half a header":   {I64Const(16<<32 | 1), abi.BadReply, "500ms"},
		"broken CBOR":     {I64Const(32<<32 | 4), abi.BadReply, "500ms"},
		"unknown code":    {I64Const(48<<32 | 3), 200, "500ms"},
		"no text":         {I64Const(64<<32 | 4), abi.Application, "500ms"},
		"moved":           {I64Const(80<<32 | 5), abi.Application, "500ms"},
		"recursion":       {Code(LocalGet(0), LocalGet(1), Call(invokeIndex)), abi.Trap, "20s"},
		"memory loop":     {Code(Loop, Empty, I32Const(16), MemoryGrow, 0, Drop, Br(0), End, I64Const(0)), abi.Deadline, "500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, c, "deploy", file(t, manifested(manifest, g.code)), "--name", "hostile", "--timeout", g.timeout)
			defer run(t, c, "delete", "hostile")
			_, err := cl.Call(t.Context(), "hostile", "go", []byte{0x80})
			undone := g.want.Fate() == abi.Undone
			if abi.CodeOf(err) != g.want || undone != strings.Contains(fmt.Sprint(err), before) {
				t.Errorf("%v (%v), want %v", err, abi.CodeOf(err), g.want)
			}
		})
	}

	run(t, c, "deploy", conformance, "--name", "bad", "--args", `["x"]`, "--timeout", "1s", "--memory", "64MiB")
	fails(t, c, 1, []string{"deadline", before}, "invoke", "bad", "spin")
	fails(t, c, 1, []string{"unreachable", before}, "invoke", "bad", "trap")
	fails(t, c, 1, []string{"memory"}, "invoke", "bad", "grow", "2000") // the guest itself notices
	want(t, c, "5", "invoke", "bad", "count", "5")
	fails(t, c, 1, []string{"unreachable", before}, "invoke", "bad", "trap")
	fails(t, c, 1, []string{"deadline", before}, "invoke", "bad", "spin")
	want(t, c, "5", "invoke", "bad", "count", "0")
	fails(t, c, 1, []string{"bad waits for this very call"}, "invoke", "bad", "relay", "bad", "count", "1")

	run(t, c, "deploy", conformance, "--name", "undo", "--args", `["x"]`, "--rollback", "snapshot")
	want(t, c, "5", "invoke", "undo", "count", "5")
	fails(t, c, 1, []string{"unreachable", "the state is the last snapshot, calls since then are undone"}, "invoke", "undo", "trap")
	want(t, c, "0", "invoke", "undo", "count", "0")

	run(t, c, "deploy", conformance, "--name", "fueled", "--args", `["x"]`, "--fuel", "1000000")
	fails(t, c, 1, []string{"fuel", before}, "invoke", "fueled", "spin")
	want(t, c, "1", "invoke", "fueled", "count", "1")
}

// badCalls calls what is not there, and with wrong arguments, as the command and as a
// client that does not look at the manifest.
func badCalls(t *testing.T, c *cluster.Cluster) {
	fails(t, c, 1, []string{`no microservice "nobody"`, "aminorun ls"}, "invoke", "nobody", "get")
	fails(t, c, 1, []string{`bystander has no method "subtract"`, "add", "get"}, "invoke", "bystander", "subtract", "1")
	fails(t, c, 2, []string{"add", "by: s64", "got 0"}, "invoke", "bystander", "add")
	fails(t, c, 2, []string{"add", "by: s64", "got 2"}, "invoke", "bystander", "add", "1", "2")
	fails(t, c, 2, []string{"argument 1 (by) of add", "s64"}, "invoke", "bystander", "add", "five")
	fails(t, c, 2, []string{"argument 1 (by) of add", "s64"}, "invoke", "bystander", "add", "1.5")
	fails(t, c, 1, []string{"frobnicate"}, "invoke", "bystander", "--verb", "frobnicate")
	fails(t, c, 1, []string{"k9", "aminorun ls kernels"}, "invoke", "bystander", "get", "--through", "k9")
	fails(t, c, 1, []string{"no OMS answers at 127.0.0.1:1", "--oms"}, "ls", "--oms", "127.0.0.1:1")
	cl := dial(t, c)
	for _, args := range []string{"\x80", "\x82\x01\x02", "\x81\x61a", "\x01", "\x9f\x01", "\xff", "\x81\xf6", strings.Repeat("\x81", 10_000)} {
		if _, err := cl.Call(t.Context(), "bystander", "add", []byte(args)); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("add with the arguments %.8x: %v (%v)", args, err, abi.CodeOf(err))
		}
	}
	for _, method := range []string{"", "new", "amino_invoke", strings.Repeat("m", 100_000)} {
		if _, err := client.Invoke[any](t.Context(), cl, "bystander", method); abi.CodeOf(err) != abi.UnknownMethod {
			t.Errorf("method %.20q: %v (%v)", method, err, abi.CodeOf(err))
		}
	}
}

// badDeployments deploys and moves what cannot be.
func badDeployments(t *testing.T, c *cluster.Cluster) {
	for _, d := range []struct {
		words []string
		flags []string
	}{
		{[]string{"LeaseCashing", "LeaseCaching"}, []string{"--dm", "LeaseCashing"}},
		{[]string{"LeaseCaching", "hours", "ttl"}, []string{"--dm", "LeaseCaching(hours=1)"}},
		{[]string{"ttl"}, []string{"--dm", "LeaseCaching(ttl=10)"}},
		{[]string{"every=0 is not more than zero"}, []string{"--dm", "PeriodicCheckpoint(every=0)"}},
		{[]string{"LeaseCaching"}, []string{"--dm", "LeaseCaching("}},
		{[]string{"ExplicitCheckpoint", "PeriodicCheckpoint"}, []string{"--dm", "ExplicitCheckpoint", "--dm", "PeriodicCheckpoint"}},
		{[]string{"Immutable", "ExplicitCheckpoint"}, []string{"--dm", "ExplicitCheckpoint", "--dm", "Immutable"}},
		{[]string{"KeepInPlace", "LoadBalancedFrontEnd"}, []string{"--dm", "KeepInPlace", "--dm", "LoadBalancedFrontEnd"}},
		{[]string{"PeriodicCheckpoint", "LeaseCaching"}, []string{"--dm", "PeriodicCheckpoint", "--dm", "LeaseCaching"}},
		{[]string{"selector asks for gpu", "k1 (region=eu,tier=cloud)", "k3 (region=eu,tier=device)"}, []string{"--on", "gpu"}},
		{[]string{"KeepInCloud(region=mars)", "k2 (region=us,tier=cloud)"}, []string{"--dm", "KeepInCloud(region=mars)"}},
	} {
		fails(t, c, 1, d.words, append([]string{"deploy", counter, "--name", "bad2"}, d.flags...)...)
	}
	fails(t, c, 2, []string{"--on"}, "deploy", counter, "--name", "bad2", "--on", "region~eu")
	fails(t, c, 1, []string{`the name "bystander" is taken`, "--name"}, "deploy", counter, "--name", "bystander")
	fails(t, c, 1, []string{"name"}, "deploy", counter, "--name", "Not A Name")
	fails(t, c, 1, []string{"the constructor takes", "got 2"}, "deploy", conformance, "--name", "bad2", "--args", `["a", "b"]`)
	fails(t, c, 1, []string{`no kernel "k9"`, "k1 (region=eu,tier=cloud)", "k2", "k3"}, "migrate", "bystander", "--to", "k9")
	fails(t, c, 1, []string{`no microservice "nobody"`}, "delete", "nobody")
	if _, ok := list(t, c)["bad2"]; ok {
		t.Error("a deployment that was refused is listed")
	}
}

// TestFullDisk fills the disks of a kernel and of the OMS. What needs them is refused
// and says so, what does not goes on, and nothing acknowledged is lost.
func TestFullDisk(t *testing.T) {
	c := newCluster(t)
	oms, kernel := filepath.Join(c.Dir, "oms"), filepath.Join(c.Dir, "k1")
	smallDisk(t, oms, 64)
	smallDisk(t, kernel, 16)
	if err := c.StartOMS("--lease", lease); err != nil {
		t.Fatal(err)
	}
	if err := c.StartKernel("k1"); err != nil {
		t.Fatal(err)
	}
	cl := dial(t, c)
	eventually(t, 10*time.Second, func() bool { return liveKernels(t, cl) == 1 })
	run(t, c, "deploy", counter, "--dm", "ExplicitCheckpoint")
	want(t, c, "5", "invoke", "counter", "add", "5")
	run(t, c, "invoke", "counter", "--verb", "checkpoint")

	empty := fill(t, kernel)
	want(t, c, "7", "invoke", "counter", "add", "2")
	fails(t, c, 1, []string{"was not written, the last one still holds", "no space left"}, "invoke", "counter", "--verb", "checkpoint")
	fails(t, c, 1, []string{"no space left"}, "deploy", conformance, "--name", "new", "--args", `["x"]`)
	want(t, c, "7", "invoke", "counter", "get")
	empty()
	run(t, c, "invoke", "counter", "--verb", "checkpoint")
	run(t, c, "deploy", conformance, "--name", "new", "--args", `["x"]`)

	empty = fill(t, oms)
	like, err := cl.Lookup(t.Context(), "counter")
	for n := 0; n < 5000 && err == nil; n++ { // until what it has set aside is used up
		like.Spec.Name = fmt.Sprintf("n%d", n)
		_, err = cl.Deploy(t.Context(), like.Spec, nil)
	}
	if err == nil || !strings.Contains(err.Error(), "disk is full: free space under") {
		t.Errorf("a full disk of the OMS: %v", err)
	}
	want(t, c, "7", "invoke", "counter", "get")
	there := list(t, c)
	empty()
	eventually(t, 10*time.Second, func() bool { return c.RunTo(t.Context(), nil, nil, "deploy", counter, "--name", "later") == nil })
	kill(t, c, "oms", "k1")
	again(t, c, "oms", "k1")
	runsOn(t, dial(t, c), "counter", "k1")
	want(t, c, "7", "invoke", "counter", "get")
	after := list(t, c)
	for name := range there {
		if after[name].Name == "" {
			t.Errorf("%s was there when the disk was full, and is lost", name)
		}
	}
}

// smallDisk mounts a disk of so many megabytes, until the test ends.
func smallDisk(t *testing.T, dir string, mb int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("amino-e2e", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mb)); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill uses a disk up, until empty is called.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	f.Close()
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
