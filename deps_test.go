package amino

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "amino.run"

// A room is a package and those below it, what it is for, and which other rooms
// it may import, tests aside.
type room struct {
	dir  string
	why  string
	uses []string
}

// rooms is the whole table: a package that no line covers fails the test, so a
// new room is a line here. The longest dir that fits a package is its room.
var rooms = []room{
	{"abi", "what crosses the sandbox wall and the wire, as bytes; SDK authors depend on it and on nothing behind it", nil},
	{"internal/fsutil", "files that are there whole or not at all", nil},
	{"internal/wasm", "reads and writes modules; knows nothing of who runs them", nil},
	{"internal/script", "makes modules of scripts with the interpreters it has", []string{"abi", "host"}},
	{"internal/guestbuild", "builds Go guests for tests and for the command", nil},
	{"dms", "what a deployment manager is; must not know who carries it", []string{"abi"}},
	{"dms/CATEGORY", "deployment managers; one category never imports another", []string{"abi", "dms", "dms/internal/transaction"}},
	{"dms/internal/transaction", "what DMs of transactions share, whatever their category", []string{"abi", "dms"}},
	{"dms/standard", "the list of all that ship", []string{"dms", "dms/CATEGORY"}},
	{"dms/dmtest", "a cluster in virtual time; no network, no guest", []string{"abi", "dms"}},
	{"internal/api", "what kernels, the OMS and clients say to each other", []string{"abi", "dms"}},
	{"internal/mux", "the one transport, and the only room that knows the wire", []string{"abi"}},
	{"host", "runs one guest; knows no engine, no DM and no network", []string{"abi", "internal/wasm"}},
	{"host/wazero", "the engine behind host", []string{"abi", "host"}},
	{"host/hosttest", "what every engine must hold", []string{"abi", "host", "internal/wasm", "internal/guestbuild"}},
	{"kernel/internal/part", "what proxies and instance managers share", []string{"abi", "dms", "internal/api"}},
	{"kernel/door", "calls by HTTP and JSON; knows the kernel by an interface", []string{"abi"}},
	{"kernel/wasmdm", "deployment managers compiled to Wasm", []string{"abi", "dms", "host"}},
	{"kernel/caller", "the kernel beside a caller", []string{"abi", "dms", "internal/api", "kernel/internal/part"}},
	{"kernel/client", "the cluster as a program that is no kernel sees it", []string{"abi", "internal/api", "internal/mux"}},
	{"kernel/raftlog", "an order of calls that a majority of replicas keeps on disk; knows no guest and no network", []string{"abi", "dms"}},
	{"kernel", "one node; meets the OMS only in internal/api", []string{"abi", "dms", "host", "internal/api", "internal/fsutil", "internal/mux", "kernel/caller", "kernel/internal/part", "kernel/raftlog", "kernel/wasmdm"}},
	{"oms", "the one place that knows where everything is; never sees a guest", []string{"abi", "dms", "internal/api", "internal/mux", "internal/fsutil"}},
	{"cmd", "joins the rooms", []string{"abi", "dms", "dms/standard", "host", "host/wazero", "internal/api", "internal/fsutil", "internal/guestbuild", "internal/mux", "internal/script", "kernel", "kernel/client", "kernel/door", "kernel/wasmdm", "oms"}},
	{"bench", "measures the rooms against each other and against peers", []string{"*"}},
	{"e2e", "tests real processes", []string{"*"}},

	{"guest-sdks", "meets the kernel only in ABI.md; its suite runs guests on the host", []string{"abi", "host", "host/wazero", "internal/guestbuild", "internal/script"}},
}

// libraries are third-party packages that one room owns, and why.
var libraries = map[string]struct{ rooms, why string }{
	"google.golang.org/grpc":         {"bench", "only what we are measured against speaks gRPC"},
	"github.com/tetratelabs/wazero":  {"host/wazero", "an engine never leaks past its room"},
	"github.com/spf13/cobra":         {"cmd", "only the command has a command line"},
	"github.com/cockroachdb/pebble/": {"oms kernel/raftlog", "the directory and the logs are the databases there are"},
	"github.com/hashicorp/":          {"bench", "only what we are measured against"},
	"go.etcd.io/raft/":               {"kernel/raftlog", "what agrees on calls is behind one door"},
	"github.com/cespare/xxhash/v2":   {"dms/CATEGORY", "a key has its shard by a good hash"},
	"go.yaml.in/yaml/v3":             {"cmd", "documents are read at the edge"},

	"github.com/anishathalye/porcupine": {"e2e", "checks histories of real processes"},
}

func TestWhoImportsWhom(t *testing.T) {
	for pkg, imports := range packages(t) {
		from := roomOf(pkg)
		if from == nil {
			t.Errorf("%s is in no room; give it a line in deps_test.go", pkg)
			continue
		}
		for _, imp := range imports {
			for lib, owner := range libraries {
				if (imp == strings.TrimSuffix(lib, "/") || strings.HasPrefix(imp, strings.TrimSuffix(lib, "/")+"/")) && !slices.Contains(strings.Fields(owner.rooms), from.dir) && from.dir != "bench" && from.dir != "e2e" {
					t.Errorf("%s imports %s, which only %s may: %s", pkg, imp, owner.rooms, owner.why)
				}
			}
			dep, ours := strings.CutPrefix(imp, module+"/")
			if !ours {
				continue
			}
			to := roomOf(dep)
			if to == from && !(from.dir == "dms/CATEGORY" && path.Base(dep) != path.Base(pkg)) || slices.Contains(from.uses, "*") {
				continue
			}
			if to == nil || !slices.Contains(from.uses, to.dir) {
				t.Errorf("%s imports %s. %s is %s; it may import only %v", pkg, dep, from.dir, from.why, from.uses)
			}
		}
	}
}

// Every room of the table is there: a line for one that is gone misleads.
func TestRoomsExist(t *testing.T) {
	used := map[string]bool{}
	for pkg := range packages(t) {
		if r := roomOf(pkg); r != nil {
			used[r.dir] = true
		}
	}
	for _, r := range rooms {
		if !used[r.dir] {
			t.Errorf("no package is in the room %s", r.dir)
		}
	}
}

// Every package says what it is for.
func TestPackagesHaveDocs(t *testing.T) {
	documented := map[string]bool{}
	walk(t, func(dir, file string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		documented[dir] = documented[dir] || f.Doc != nil
	})
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// roomOf returns the room of a package, given relative to the module.
func roomOf(pkg string) (best *room) {
	for i, r := range rooms {
		if r.dir == "dms/CATEGORY" {
			continue
		}
		if (pkg == r.dir || strings.HasPrefix(pkg, r.dir+"/")) && (best == nil || len(r.dir) > len(best.dir)) {
			best = &rooms[i]
		}
	}
	if best != nil && best.dir == "dms" && pkg != "dms" {
		i := slices.IndexFunc(rooms, func(r room) bool { return r.dir == "dms/CATEGORY" })
		return &rooms[i]
	}
	return best
}

// packages returns what each package of the module imports, tests aside.
func packages(t *testing.T) map[string][]string {
	imports := map[string][]string{}
	walk(t, func(dir, file string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports[dir] = append(imports[dir], imp)
		}
	})
	return imports
}

// walk calls f for each Go file of the module that is not a test, a test's data or
// part of another module.
func walk(t *testing.T, f func(dir, file string)) {
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "build" || name == "target") {
				return fs.SkipDir
			}
			if mods, _ := filepath.Glob(filepath.Join(p, "go.mod")); p != "." && len(mods) > 0 {
				return fs.SkipDir
			}
			return nil
		}
		if dir := filepath.ToSlash(filepath.Dir(p)); dir != "." && strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") {
			f(dir, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
