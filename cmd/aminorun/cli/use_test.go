package cli

import (
	"strings"
	"testing"

	"amino.run/internal/guestbuild"
)

// TestUse: what a user does with a microservice, as JSON and as tables.
func TestUse(t *testing.T) {
	oms := cluster(t)
	on := func(args ...string) []string { return append(args, "--oms", oms) }

	g := asJSON[groupView](t, on("deploy", counter(t), "--name", "used", "--dm", "ExplicitCheckpoint", "--config", "a=b")...)
	if g.Name != "used" || g.ID == "" || len(g.Kernels) != 1 || len(g.Module) != 64 || g.Config["a"] != "b" {
		t.Fatalf("deployed as %+v", g)
	}
	for _, c := range []struct{ line, want string }{
		{"invoke used add 5", "5\n"},
		{"invoke used add -7", "-2\n"},
		{"invoke used add 2 --output json", "0\n"},
		{"invoke used get --through k2 --timeout 5s", "0\n"},
		{"invoke used --verb checkpoint", "null\n"},
	} {
		if got := does(t, on(strings.Fields(c.line)...)...); got != c.want {
			t.Errorf("%s prints %q, want %q", c.line, got, c.want)
		}
	}

	d := asJSON[groupView](t, on("describe", "used")...)
	if d.ID != g.ID || !strings.Contains(string(d.Manifest), `"add"`) || len(d.Replicas) != 1 || d.Replicas[0].Kernel != g.Kernels[0] {
		t.Errorf("described as %+v", d)
	}
	for _, want := range []string{"name:", "used", "ExplicitCheckpoint", "config:", "a=b", "add(by: s64) -> s64", "get() -> s64 readonly", "on " + g.Kernels[0]} {
		if out := does(t, on("describe", "used")...); !strings.Contains(out, want) {
			t.Errorf("describe does not say %q:\n%s", want, out)
		}
	}
	if wit := does(t, on("describe", "used", "--wit")...); !strings.Contains(wit, "add: func(by: s64) -> s64;") {
		t.Errorf("WIT:\n%s", wit)
	}

	to := "k1"
	if g.Kernels[0] == to {
		to = "k2"
	}
	moved := asJSON[struct {
		From, To string
		Pause    float64 `json:"pause_ms"`
	}](t, on("migrate", "used", "--to", to)...)
	if moved.From != g.Kernels[0] || moved.To != to || moved.Pause <= 0 {
		t.Errorf("moved: %+v", moved)
	}
	if out := does(t, on("migrate", "used", "--to", g.Kernels[0])...); !strings.Contains(out, "PAUSE") || !strings.Contains(out, to) {
		t.Errorf("migrate prints %s", out)
	}

	if f := asJSON[groupView](t, on("fork", "used", "used-2")...); f.Name != "used-2" || f.Module != g.Module {
		t.Errorf("forked as %+v", f)
	}
	if out := does(t, on("delete", "used-2")...); out != "deleted used-2\n" {
		t.Errorf("delete prints %q", out)
	}
	if v := asJSON[map[string]string](t, on("delete", "used")...); v["done"] != "deleted" || v["name"] != "used" {
		t.Errorf("delete prints %v", v)
	}
	fails(t, exitFailed, []string{`no microservice "used"`, "aminorun ls"}, on("invoke", "used", "get")...)
}

func TestInvokeRefuses(t *testing.T) {
	oms := cluster(t)
	does(t, "deploy", counter(t), "--name", "called", "--oms", oms)
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"invoke nobody get", exitFailed, []string{`no microservice "nobody": see aminorun ls`}},
		{"invoke called fly", exitFailed, []string{`called has no method "fly"; it has [add get]`}},
		{"invoke called add", exitUsage, []string{"add takes 1 argument (by: s64), got 0"}},
		{"invoke called add 1 2", exitUsage, []string{"add takes 1 argument (by: s64), got 2"}},
		{"invoke called add five", exitUsage, []string{"argument 1 (by) of add is five, want s64"}},
		{"invoke called add 1.5", exitUsage, []string{"want s64"}},
		{"invoke called get --through k9", exitFailed, []string{"no kernel k9; `aminorun ls kernels` lists them"}},
		{"invoke called --verb checkpoint", exitFailed, []string{"checkpoint"}},
		{"migrate called --to k9", exitFailed, []string{`no kernel "k9"`, "k1 (region=eu,tier=cloud)"}},
		{"fork called called", exitFailed, []string{`the name "called" is taken`}},
		{"fork nobody x", exitFailed, []string{`no microservice "nobody"`}},
		{"delete nobody", exitFailed, []string{`no microservice "nobody"`}},
		{"describe nobody", exitFailed, []string{`no microservice "nobody"`}},
		{"dms Nothing", exitFailed, []string{`unknown deployment manager "Nothing"`, "LeaseCaching"}},
	} {
		fails(t, c.code, c.want, append(strings.Fields(c.line), "--oms", oms)...)
	}
}

func TestLs(t *testing.T) {
	oms := cluster(t)
	does(t, "deploy", counter(t), "--name", "listed", "--oms", oms)
	does(t, "deploy", guestbuild.Prebuilt(t, "examples/counter/assemblyscript/counter.wasm"), "--name", "listed-2", "--args", "[0]", "--oms", oms)

	kernels := asJSON[[]kernelView](t, "ls", "kernels", "--oms", oms)
	if len(kernels) != 3 || kernels[0].ID != "k1" || !kernels[0].Live || kernels[2].Labels["tier"] != "device" {
		t.Errorf("kernels %+v", kernels)
	}
	languages := map[string]bool{}
	for _, m := range asJSON[[]moduleView](t, "ls", "modules", "--oms", oms) {
		languages[m.Language] = true
		if len(m.Digest) != 64 || m.Name == "" || m.Size == 0 {
			t.Errorf("module %+v", m)
		}
	}
	if !languages["c"] || !languages["assemblyscript"] {
		t.Errorf("modules in %v", languages)
	}
	names := map[string]bool{}
	for _, g := range asJSON[[]groupView](t, "ls", "--oms", oms) {
		names[g.Name] = true
	}
	if !names["listed"] || !names["listed-2"] {
		t.Errorf("microservices %v", names)
	}
	for what, heads := range map[string][]string{
		"microservices": {"NAME", "STATE", "KERNELS", "listed", "serving"},
		"kernels":       {"KERNEL", "ADDRESS", "LABELS", "k2", "region=us,tier=cloud"},
		"modules":       {"MODULE", "LANGUAGE", "SIZE", "counter"},
	} {
		out := does(t, "ls", what, "--oms", oms)
		for _, h := range heads {
			if !strings.Contains(out, h) {
				t.Errorf("ls %s does not show %s:\n%s", what, h, out)
			}
		}
	}
}
