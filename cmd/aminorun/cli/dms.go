package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/standard"
)

func (a *app) dmsCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "dms [NAME|FILE.wasm]",
		Short:   "List the deployment managers, or explain one",
		Example: "  aminorun dms\n  aminorun dms LeaseCaching\n  aminorun dms ./mydm.wasm",
		Args:    between(0, 1, "no argument or one name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listDMs()
			}
			if path, _, ok := wasmDM(args[0]); ok {
				return a.explainWasmDM(cmd.Context(), path)
			}
			return a.explainDM(args[0])
		},
	}
}

// A dmView is a deployment manager as `--output json` shows it. One that is not
// of package standard has no summary and no doc.
type dmView struct {
	Name    string      `json:"name"`
	Summary string      `json:"summary,omitempty"`
	Doc     string      `json:"doc,omitempty"` // Markdown
	Fields  []fieldView `json:"fields"`
}

type fieldView struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default"`
	Doc     string `json:"doc,omitempty"`
}

func viewDM(name string) (dmView, error) {
	fields, err := dms.Fields(name)
	return dmView{Name: name, Summary: standard.Summary(name), Fields: viewFields(fields)}, err
}

func viewFields(fields []dms.Field) []fieldView {
	views := []fieldView{}
	for _, f := range fields {
		views = append(views, fieldView{f.Name, f.Type, f.Default, f.Doc})
	}
	return views
}

func (a *app) listDMs() error {
	views := []dmView{}
	for _, name := range dms.Names() {
		v, err := viewDM(name)
		if err != nil {
			return err
		}
		views = append(views, v)
	}
	return a.print(views, func(t *table) {
		t.row("DM", "WHAT IT DOES")
		for _, v := range views {
			t.row(v.Name, strings.TrimSuffix(v.Summary, "."))
		}
	})
}

func (a *app) explainDM(name string) error {
	v, err := viewDM(name)
	if err != nil {
		return abi.Errorf(abi.NotFound, "%v", err)
	}
	v.Doc, _ = standard.Doc(name)
	return a.printDM(v)
}

func (a *app) printDM(v dmView) error {
	if a.output == "table" && v.Doc != "" {
		if _, err := fmt.Fprintf(a.stdout, "%s\n\n", plainText(v.Doc)); err != nil {
			return err
		}
	}
	return a.print(v, func(t *table) {
		if len(v.Fields) == 0 {
			t.row(v.Name + " has no fields.")
			return
		}
		t.row("FIELD", "TYPE", "DEFAULT", "WHAT IT IS")
		for _, f := range v.Fields {
			t.row(f.Name, f.Type, f.Default, f.Doc)
		}
	})
}

// textWidth is how many letters a line of text has at most.
const textWidth = 88

// plainText returns Markdown as a terminal shows it, without its tables.
func plainText(markdown string) string {
	var paragraphs []string
	for p := range strings.SplitSeq(markdown, "\n\n") {
		if strings.HasPrefix(p, "|") {
			continue
		}
		var line, text strings.Builder
		for _, word := range strings.Fields(strings.NewReplacer("**", "", "`", "").Replace(p)) {
			if line.Len()+1+len(word) > textWidth {
				text.WriteString(line.String() + "\n")
				line.Reset()
			}
			if line.Len() > 0 {
				line.WriteByte(' ')
			}
			line.WriteString(word)
		}
		paragraphs = append(paragraphs, text.String()+line.String())
	}
	return strings.Join(paragraphs, "\n\n")
}
