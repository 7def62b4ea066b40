package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/term"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/kernel/client"
)

func TestTable(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, output: "table"}
	if err := a.print(nil, func(t *table) {
		t.row("NAME", "SIZE", "NOTE")
		t.row("a-long-name", 5, "")
		t.row("b", 1234, "x")
	}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME         SIZE  NOTE\na-long-name  5     -\nb            1234  x\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

// Text is printed as it is, not as HTML wants it.
func TestJSON(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, output: "json"}
	if err := a.print(map[string]string{"k": "<a&b>"}, nil); err != nil || out.String() != "{\n  \"k\": \"<a&b>\"\n}\n" {
		t.Errorf("%q, %v", &out, err)
	}
}

func TestPrintValue(t *testing.T) {
	for _, c := range []struct{ cbor, table, json string }{
		{"", "null\n", "null\n"},
		{"\xf6", "null\n", "null\n"},
		{"\x05", "5\n", "5\n"},
		{"\x63abc", "\"abc\"\n", "\"abc\"\n"},
		{"\xa1\x61a\x82\x01\x02", "{\"a\":[1,2]}\n", "{\n  \"a\": [\n    1,\n    2\n  ]\n}\n"},
	} {
		for output, want := range map[string]string{"table": c.table, "json": c.json} {
			var out bytes.Buffer
			a := &app{stdout: &out, output: output}
			if err := a.printValue([]byte(c.cbor)); err != nil || out.String() != want {
				t.Errorf("%x as %s: %q, %v, want %q", c.cbor, output, &out, err, want)
			}
		}
	}
	if err := (&app{stdout: &bytes.Buffer{}}).printValue([]byte("\x82\x01")); err == nil {
		t.Error("half a value is printed")
	}
}

// A full pipe or a closed one is a failure, not silence.
func TestOutputFails(t *testing.T) {
	for _, line := range []string{"version", "version --output json", "dms", "dms LeaseCaching"} {
		var errs bytes.Buffer
		if code := Run(t.Context(), strings.Fields(line), brokenPipe{}, &errs); code != exitFailed || !strings.Contains(errs.String(), "broken pipe") {
			t.Errorf("%s: %d, %q", line, code, &errs)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Progress is for a person at a terminal.
func TestProgress(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !term.IsTerminal(int(tty.Fd())) {
		t.Skip("no terminal can be made:", err)
	}
	defer tty.Close()
	(&app{stderr: tty}).progress("sending %s", "x")
	got := make(chan string, 1)
	go func() { // a terminal echoes what is written to it
		b := make([]byte, 64)
		n, _ := tty.Read(b)
		got <- string(b[:n])
	}()
	select {
	case text := <-got:
		if !strings.HasPrefix(text, "sending x") {
			t.Errorf("the terminal shows %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("the terminal shows nothing")
	}
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	(&app{stderr: file}).progress("sending")
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("a file gets progress: %v", err)
	}
}

func TestGuardNegatives(t *testing.T) {
	for line, want := range map[string]string{
		"invoke c add -5":               "c add -5",
		"invoke c add -5.5 -0 - x":      "c add -5.5 -0 - x",
		"invoke c add -5 --through k1":  "c add -5",
		"invoke --through k1 c add -12": "c add -12",
	} {
		args := guardNegatives(strings.Fields(line))
		cmd := (&app{}).invokeCmd()
		if err := cmd.ParseFlags(args[1:]); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := unguard(cmd.Flags().Args()); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %s", line, got, want)
		}
	}
	if got := guardNegatives([]string{"deploy", "-5"}); got[1] != "-5" {
		t.Errorf("another command's: %q", got)
	}
	if got := guardNegatives(nil); len(got) != 0 {
		t.Errorf("nothing: %q", got)
	}
}

// A microservice that has lost its kernels says so.
func TestGroupState(t *testing.T) {
	for _, c := range []struct {
		lost []bool
		want string
	}{
		{nil, "serving"},
		{[]bool{false}, "serving"},
		{[]bool{false, true}, "partly lost"},
		{[]bool{true, true}, "lost"},
	} {
		g := client.Group{Name: "g"}
		for i, lost := range c.lost {
			g.Replicas = append(g.Replicas, api.Replica{Peer: "m1/" + string(rune('0'+i)), Node: api.Node{ID: "k1"}, Epoch: 1, Lost: lost})
		}
		v := viewGroup(g)
		if v.State != c.want || v.DMs == nil || len(v.Kernels) != len(c.lost) {
			t.Errorf("%v: %+v, want %s", c.lost, v, c.want)
		}
		if b, err := json.Marshal(v); err != nil || bytes.Contains(b, []byte("null")) {
			t.Errorf("as JSON: %s, %v", b, err)
		}
	}
}

// A microservice in shards shows the replicas of all, and what is left of each.
func TestShardsShown(t *testing.T) {
	at := func(peer, kernel string, lost bool) api.Replica {
		return api.Replica{Peer: peer, Node: api.Node{ID: kernel}, Epoch: 1, Lost: lost}
	}
	g := client.Group{Name: "kv", ID: "m1", Nested: true, Replicas: []api.Replica{at("m1/0", "k1", false), at("m1/1", "k2", false)}}
	g.Shards = []client.Group{
		{ID: "m1/0", Replicas: []api.Replica{at("m1/0/0", "k1", false), at("m1/0/1", "k2", true)}},
		{ID: "m1/1", Replicas: []api.Replica{at("m1/1/0", "k2", false), at("m1/1/1", "k1", false)}},
	}
	v := viewGroup(g)
	if v.State != "partly lost" || v.count() != "4 in 2 shards" || !slices.Equal(v.Kernels, []string{"k1", "k2"}) {
		t.Errorf("%+v", v)
	}
	var out bytes.Buffer
	a := app{stdout: &out}
	if err := a.print(v, func(tb *table) { describeGroup(tb, v, &abi.Manifest{}) }); err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"shard: m1/0 1 of 2 replicas", "shard: m1/1 2 of 2 replicas", "replica: m1/0/1 on k2 epoch 1 lost", "replica: m1/1/0 on k2 epoch 1"} {
		if !strings.Contains(said, want) {
			t.Errorf("describe does not say %q:\n%s", want, out.String())
		}
	}
	g.Shards[0].Replicas[0].Lost, g.Shards[1].Replicas[0].Lost, g.Shards[1].Replicas[1].Lost = true, true, true
	if v := viewGroup(g); v.State != "lost" {
		t.Errorf("with nothing left it is %s", v.State)
	}
}

func TestSignature(t *testing.T) {
	for want, m := range map[string]abi.MethodType{
		"reset()":                              {Name: "reset"},
		"get() -> s64 readonly":                {Name: "get", Result: "s64", ReadOnly: true},
		"put(key: string, value: value) -> u8": {Name: "put", Params: []abi.Param{{Name: "key", Type: "string"}, {Name: "value", Type: "value"}}, Result: "u8"},
	} {
		if got := signature(m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
