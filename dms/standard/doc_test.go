package standard_test

import (
	"strings"
	"testing"

	"amino.run/dms"
	"amino.run/dms/internal/dmdoc"
	"amino.run/dms/standard"
)

func TestDocumentIsFresh(t *testing.T) {
	want, err := dmdoc.Markdown("..", dms.Names())
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != standard.Document() {
		t.Error("dms.md is stale; run go generate ./dms/standard")
	}
}

func TestDoc(t *testing.T) {
	for _, name := range dms.Names() {
		text, ok := standard.Doc(name)
		if !ok || strings.Contains(text, "## ") {
			t.Errorf("%s: %v, %q", name, ok, text)
		}
		for _, label := range dmdoc.Labels {
			if !strings.Contains(text, "**"+label+":** ") {
				t.Errorf("%s says nothing of %s", name, label)
			}
		}
		if s := standard.Summary(name); len(s) < 20 || len(s) > 160 || !strings.HasSuffix(s, ".") || strings.HasPrefix(s, name) {
			t.Errorf("the summary of %s: %q", name, s)
		}
	}
	for name, part := range map[string]string{
		"LeaseCaching":       "| `ttl` | duration | `10s` | how long a lease lasts |",
		"ExplicitCheckpoint": "It has no fields.",
		"AtLeastOnceRPC":     `Sapphire: "automatically retry RPCs for bounded amount of time"`,
	} {
		if text, _ := standard.Doc(name); !strings.Contains(text, part) {
			t.Errorf("%s does not say %s", name, part)
		}
	}
	if text, ok := standard.Doc("Nope"); ok || text != "" || standard.Summary("Nope") != "" {
		t.Errorf("a DM that there is not: %q", text)
	}
}

// Every verb that a DM declares is in its paragraph, and no DM without verbs has one.
func TestVerbsAreExplained(t *testing.T) {
	for _, name := range dms.Names() {
		e, err := dmdoc.Read("..", name)
		if err != nil {
			t.Fatal(err)
		}
		dm, err := dms.New(name)
		if err != nil {
			t.Fatal(err)
		}
		text := e.Parts[len(e.Parts)-1].Text
		verbs := dms.Chain{dm}.Verbs()
		for _, v := range verbs {
			if !strings.Contains(text, string(v)+"(") {
				t.Errorf("%s does not explain its verb %s", name, v)
			}
		}
		if len(verbs) == 0 && !strings.HasPrefix(text, "none") {
			t.Errorf("%s has no verbs and says %q", name, text)
		}
	}
}

func TestFieldsAreExplained(t *testing.T) {
	for _, name := range dms.Names() {
		fields, err := dms.Fields(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			if f.Doc == "" {
				t.Errorf("%s: the field %s has no doc", name, f.Name)
			}
		}
	}
}
