// Package dmdoc makes the document of the deployment managers from the comments in
// their source, so that what a user reads is what the code's reader does.
package dmdoc

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"amino.run/dms"
)

// An Entry is what the comment of a DM says, and its fields.
type Entry struct {
	Name     string
	Category string // its package
	Summary  string // the first paragraph
	Parts    []Part // one for each of Labels, in that order
	Fields   []dms.Field
}

// A Part is a labelled paragraph.
type Part struct{ Label, Text string }

// Labels are those that the comment of a DM has, each at the beginning of a
// paragraph and followed by a colon.
var Labels = []string{"Guarantees", "Costs", "Needs", "Verbs"}

// Read returns the entry of a registered DM. root is the folder of package dms.
func Read(root, name string) (e Entry, err error) {
	dm, err := dms.New(name)
	if err != nil {
		return e, err
	}
	t := reflect.TypeOf(dm).Elem()
	e.Name, e.Category = name, path.Base(t.PkgPath())
	if e.Fields, err = dms.Fields(name); err != nil {
		return e, err
	}
	comment, err := commentOf(filepath.Join(root, e.Category), t.Name())
	if err != nil {
		return e, err
	}
	if rest, ok := strings.CutPrefix(comment, t.Name()+" "); ok { // which may not be the name it is known by
		comment = name + " " + rest
	}
	return e, e.split(comment)
}

// commentOf returns the comment of a type in a folder.
func commentOf(dir, typ string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return "", err
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE || len(g.Specs) != 1 {
				continue
			}
			if g.Specs[0].(*ast.TypeSpec).Name.Name == typ {
				return g.Doc.Text(), nil
			}
		}
	}
	return "", fmt.Errorf("no type %s in %s", typ, dir)
}

// split takes a comment apart.
func (e *Entry) split(comment string) error {
	paragraphs := strings.Split(strings.TrimSpace(comment), "\n\n")
	for i, p := range paragraphs {
		p = strings.ReplaceAll(strings.TrimSpace(p), "\n", " ")
		label, text, ok := strings.Cut(p, ": ")
		switch {
		case i == 0:
			e.Summary = p
		case !ok || !slices.Contains(Labels, label):
			return fmt.Errorf("%s: a paragraph without one of the labels %v: %s", e.Name, Labels, p)
		default:
			e.Parts = append(e.Parts, Part{label, text})
		}
	}
	var have []string
	for _, p := range e.Parts {
		have = append(have, p.Label)
	}
	if !slices.Equal(have, Labels) {
		return fmt.Errorf("%s: its comment has the paragraphs %v, not %v", e.Name, have, Labels)
	}
	if !strings.HasPrefix(e.Summary, e.Name+" ") {
		return fmt.Errorf("%s: its comment does not begin with its name", e.Name)
	}
	return nil
}
