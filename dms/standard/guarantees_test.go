package standard_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/internal/dmdoc"
)

var write = flag.Bool("write", false, "write docs/guarantees.md instead of comparing it")

const guarantees = "../../docs/guarantees.md"

// TestGuarantees compares docs/guarantees.md with what is promised and tested.
func TestGuarantees(t *testing.T) {
	doc := guaranteesDoc(t)
	if *write {
		if err := os.WriteFile(guarantees, doc, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(guarantees); err != nil || !bytes.Equal(have, doc) {
		t.Errorf("docs/guarantees.md is stale (%v); run go generate ./dms/standard", err)
	}
}

const preface = `<!-- Made by go generate ./dms/standard from the promises that the tests hold each deployment manager to. Do not edit. -->

# Guarantees

What each deployment manager promises, the faults it is tested under, and the command. The promise is the one the test holds it to, in
the words of ` + "`dmtest.Promises`" + `; the paragraph in [dms.md](dms.md) says more. Faults in **virtual time** are seeded and checked on the history
of all calls of all callers; **real kernels** are processes, killed and cut off. A fault **put into the DM** on purpose is one that the
suite is shown to see (` + "`go test ./dms/... -run Mutant`" + `). With which others a DM is tested: [composition.md](composition.md).

In virtual time every DM lives through:
%s
Those in italics are for groups of several replicas.
`

func guaranteesDoc(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	var faults strings.Builder
	for _, s := range dmtest.Scenarios() {
		name := s.Name
		if s.Many {
			name = "*" + name + "*"
		}
		fmt.Fprintf(&faults, "%s, ", name)
	}
	fmt.Fprintf(&b, preface, strings.TrimSuffix(faults.String(), ", ")+".")
	tests := endToEnd(t)
	for _, name := range dms.Names() {
		e, err := dmdoc.Read("..", name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", name, e.Summary)
		alone := slices.IndexFunc(promises(), func(p dmtest.Promises) bool { return len(p.Chain) == 1 && nameOf(p.Chain[0]) == name })
		if alone < 0 {
			t.Errorf("%s has no line of its own in the suite", name)
			continue
		}
		fmt.Fprintf(&b, "* Promise: %s.\n", inWords(promises()[alone]))
		if s := dmdoc.Sapphire[name]; s != "" {
			fmt.Fprintf(&b, "* The paper: \"%s\".\n", s)
		}
		for _, m := range mutants {
			if nameOf(m.spec) == name {
				fmt.Fprintf(&b, "* Put into it, and seen: %s.\n", m.fault)
			}
		}
		fmt.Fprintf(&b, "* Virtual time: `go test ./dms/standard -run 'TestSuite/.*%s|TestSapphire/%s|TestMutants/%s'`\n", name, name, name)
		if all := tests[name]; len(all) > 0 {
			fmt.Fprintf(&b, "* Real kernels: `go test ./e2e -run '%s'`\n", strings.Join(all, "|"))
		}
	}
	return b.Bytes()
}

func nameOf(spec string) string {
	name, _, _ := strings.Cut(spec, "(")
	return name
}

// inWords says what p promises.
func inWords(p dmtest.Promises) string {
	words := []string{map[dmtest.Consistency]string{
		dmtest.Linearizable: "linearizable",
		dmtest.Session:      "a caller's node sees its own writes, and never less than it has seen",
		dmtest.Eventual:     "a read sees the first of the writes, in their order",
		dmtest.Separate:     "each replica has its own writes",
	}[p.Reads]}
	say := func(is bool, yes, no string) {
		if is {
			words = append(words, yes)
		} else if no != "" {
			words = append(words, no)
		}
	}
	say(p.Fixed, "a call that may write is refused", "")
	say(p.Divided, "each key by itself", "")
	if !p.Fixed {
		say(p.Twice, "a call may run more than once", "a call runs at most once")
	}
	say(p.Load != nil, "calls from begin to commit (pull to push) take effect together or not at all", "")
	say(p.Traceless, "a call that fails leaves no trace", "")
	say(p.Undoes, "a call that fails is undone, with those that were not saved", "")
	say(p.Same, "the replicas end in the same state", "")
	say(p.Stays, "every move is refused", "moves lose nothing")
	switch {
	case !p.Recovers:
		say(true, "what fails is lost, and calls say so", "")
	case p.WithNode:
		say(true, "it comes back with its node", "")
	default:
		say(true, "it goes on after its node has failed", "")
	}
	if p.Recovers {
		switch {
		case p.Loses == 0:
			say(true, "nothing answered is lost", "")
		case p.Loses > 0:
			say(true, fmt.Sprintf("a failure takes %d answered writes at most", p.Loses), "")
		default:
			say(true, "a failure may take what was not saved or copied", "")
		}
	}
	if p.Lag > 0 {
		say(true, fmt.Sprintf("which may show %v later", p.Lag.Round(time.Millisecond)), "")
	}
	return strings.Join(words, "; ")
}

// endToEnd returns the tests in e2e that name each DM.
func endToEnd(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../e2e/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of real kernels: %v", err)
	}
	tests := map[string][]string{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			body := src[fset.Position(fn.Pos()).Offset:fset.Position(fn.End()).Offset]
			for _, name := range dms.Names() {
				if regexp.MustCompile(`["'\[ ` + "`" + `]` + name + `["'(\], ` + "`" + `]`).Match(body) {
					tests[name] = append(tests[name], fn.Name.Name)
				}
			}
		}
	}
	for _, all := range tests {
		slices.Sort(all)
	}
	return tests
}
