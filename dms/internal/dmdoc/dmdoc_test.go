package dmdoc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/standard"
)

const good = "X does it,\nalways.\n\nGuarantees: all\nof it.\n\nCosts: nothing.\n\nNeeds: time.\n\nVerbs: none.\n"

func TestSplit(t *testing.T) {
	e := Entry{Name: "X"}
	if err := e.split(good); err != nil {
		t.Fatal(err)
	}
	if e.Summary != "X does it, always." || e.Short() != "does it, always." || e.Parts[0] != (Part{"Guarantees", "all of it."}) || len(e.Parts) != 4 {
		t.Errorf("%+v", e)
	}
	for want, comment := range map[string]string{
		"does not begin with its name":       strings.Replace(good, "X does", "This does", 1),
		"without one of the labels":          good + "\nMore: text.\n",
		"not [Guarantees Costs Needs Verbs]": strings.Replace(good, "Costs: nothing.\n\n", "", 1),
	} {
		e := Entry{Name: "X"}
		if err := e.split(comment); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; it should say %q", err, want)
		}
	}
}

func TestRead(t *testing.T) {
	e, err := Read("../..", "LeaseCaching")
	if err != nil || e.Category != "caching" || len(e.Fields) != 1 || len(e.Parts) != 4 {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = Read("../..", "LeaseCashing")
	dmtest.WantError(t, err, abi.ErrRefused, "did you mean LeaseCaching")
	dir := t.TempDir()
	if _, err := Read(dir, "LeaseCaching"); err == nil || !strings.Contains(err.Error(), "no type LeaseCaching") {
		t.Errorf("a folder without it: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "caching"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "caching", "x.go"), []byte("package"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir, "LeaseCaching"); err == nil {
		t.Error("a file that is not Go was read")
	}
}

// The lines of the paper are those of DMs that there are, all of them explained.
func TestMarkdown(t *testing.T) {
	var names []string
	for name := range Sapphire {
		names = append(names, name)
	}
	slices.Sort(names)
	doc, err := Markdown("../..", names)
	if err != nil {
		t.Fatal(err)
	}
	for name, line := range Sapphire {
		if !strings.Contains(string(doc), "\n## "+name+"\n\n"+name+" ") || !strings.Contains(string(doc), `Sapphire: "`+line+`".`) {
			t.Errorf("%s is not in the document", name)
		}
	}
	if _, err := Markdown("../..", []string{"Nope"}); err == nil {
		t.Error("a document of a DM that there is not")
	}
}
