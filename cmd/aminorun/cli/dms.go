package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/dms"
)

func (a *app) dmsCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "dms [NAME]",
		Short:   "List the deployment managers, or explain one",
		Example: "  aminorun dms\n  aminorun dms LeaseCaching",
		Args:    between(0, 1, "no argument or one name"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listDMs()
			}
			return a.explainDM(args[0])
		},
	}
}

// A dmView is a deployment manager as `--output json` shows it.
type dmView struct {
	Name   string      `json:"name"`
	Short  string      `json:"short"`
	Doc    string      `json:"doc,omitempty"`
	Fields []fieldView `json:"fields"`
}

type fieldView struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default"`
}

func viewDM(name string) (dmView, error) {
	fields, err := dms.Fields(name)
	if err != nil {
		return dmView{}, err
	}
	v := dmView{Name: name, Fields: []fieldView{}}
	for _, f := range fields {
		v.Fields = append(v.Fields, fieldView{f.Name, f.Type, f.Default})
	}
	return v, nil
}

func (a *app) listDMs() error {
	var views []dmView
	for _, name := range dms.Names() {
		v, err := viewDM(name)
		if err != nil {
			return err
		}
		v.Doc = ""
		views = append(views, v)
	}
	return a.print(views, func(t *table) {
		t.row("DM", "WHAT IT DOES")
		for _, v := range views {
			t.row(v.text(), v.Short)
		}
	})
}

// text returns the DM with its fields at their defaults.
func (v dmView) text() string {
	if len(v.Fields) == 0 {
		return v.Name
	}
	fields := make([]string, len(v.Fields))
	for i, f := range v.Fields {
		fields[i] = f.Name + "=" + f.Default
	}
	return v.Name + "(" + strings.Join(fields, ", ") + ")"
}

func (a *app) explainDM(name string) error {
	v, err := viewDM(name)
	if err != nil {
		return abi.Errorf(abi.NotFound, "%v", err)
	}
	if a.output == "json" {
		return a.print(v, nil)
	}
	_, err = fmt.Fprintln(a.stdout, strings.TrimSpace(v.Doc))
	return err
}
