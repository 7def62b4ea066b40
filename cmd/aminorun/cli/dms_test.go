package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestDMsAreExplained(t *testing.T) {
	list := does(t, "dms")
	if out := does(t, "ls", "dms"); out != list {
		t.Errorf("ls dms prints %s, dms prints %s", out, list)
	}
	for _, v := range asJSON[[]dmView](t, "dms") {
		if v.Summary == "" || v.Doc != "" || !strings.Contains(list, strings.TrimSuffix(v.Summary, ".")) {
			t.Errorf("%s in the list: %q, %q", v.Name, v.Summary, v.Doc)
		}
		one := asJSON[dmView](t, "dms", v.Name)
		if one.Doc == "" || len(one.Fields) != len(v.Fields) {
			t.Errorf("%s: %+v", v.Name, one)
		}
		text := does(t, "dms", v.Name)
		for _, want := range []string{"Guarantees:", "Costs:", "Needs:", "Verbs:"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is explained without %s:\n%s", v.Name, want, text)
			}
		}
		for _, f := range v.Fields {
			if f.Doc == "" || !strings.Contains(text, f.Name) || !strings.Contains(text, f.Doc) {
				t.Errorf("%s: field %+v is not explained:\n%s", v.Name, f, text)
			}
		}
		if strings.ContainsAny(text, "*|`") {
			t.Errorf("%s: Markdown is left:\n%s", v.Name, text)
		}
		for line := range strings.Lines(strings.Split(text, "FIELD")[0]) {
			if len(line) > textWidth+1 {
				t.Errorf("%s: a line of %d letters: %s", v.Name, len(line), line)
			}
		}
	}
}

// A deployment manager of someone else's has no documentation; its fields are shown.
func TestForeignDM(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, output: "table"}
	if err := a.printDM(dmView{Name: "Foreign", Fields: []fieldView{{"size", "int", "3", ""}}}); err != nil {
		t.Fatal(err)
	}
	if want := "FIELD  TYPE  DEFAULT  WHAT IT IS\nsize   int   3        -\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
