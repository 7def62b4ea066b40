package cli

import (
	"os"
	"path/filepath"
	"testing"

	"amino.run/internal/guestbuild"
)

// A script is deployed as it is, and its fault keeps it from being deployed.
func TestScripts(t *testing.T) {
	oms, example := cluster(t), filepath.Join(guestbuild.Root(t), "examples", "counter", "javascript", "counter.js")
	does(t, "deploy", example, "--args", "[10]", "--oms", oms)
	if got := does(t, "invoke", "counter", "add", "5", "--oms", oms); got != "15\n" {
		t.Errorf("add 5 to 10: %s", got)
	}
	does(t, "migrate", "counter", "--to", "k3", "--oms", oms)
	does(t, "fork", "counter", "counter-2", "--oms", oms)
	if got := does(t, "invoke", "counter-2", "get", "--oms", oms); got != "15\n" {
		t.Errorf("get of the fork: %s", got)
	}

	bad := write(t, "bad.js", []byte("export default class Bad {\n  get( { return 1; }\n}\n"))
	fails(t, exitFailed, []string{"bad.js:2:18: SyntaxError"}, "deploy", bad, "--oms", oms)
	fails(t, exitFailed, []string{"the script cannot be read", "no such file"}, "deploy", "nowhere.js", "--oms", oms)
	if all := asJSON[[]groupView](t, "ls", "--oms", oms); len(all) != 2 {
		t.Errorf("there are %+v, want the counters", all)
	}

	t.Chdir(t.TempDir())
	v := asJSON[buildView](t, "build", example)
	if info, err := os.Stat("counter.wasm"); err != nil || int64(v.Size) != info.Size() || v.Language != "JavaScript" || len(v.Methods) != 2 {
		t.Errorf("built %+v, %v", v, err)
	}
	does(t, "deploy", "counter.wasm", "--name", "built", "--oms", oms)
	if got := does(t, "invoke", "built", "add", "1", "--oms", oms); got != "1\n" {
		t.Errorf("add 1: %s", got)
	}
}
