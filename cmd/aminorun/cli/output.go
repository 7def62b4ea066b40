package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// print writes v as JSON, or what fill makes of it.
func (a *app) print(v any, fill func(t *table)) error {
	if a.output == "json" {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	t := &table{tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)}
	fill(t)
	return t.w.Flush()
}

// A table is columns for a person to read.
type table struct{ w *tabwriter.Writer }

func (t *table) row(cells ...any) {
	s := make([]string, len(cells))
	for i, c := range cells {
		s[i] = fmt.Sprint(c)
		if s[i] == "" {
			s[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.TrimRight(strings.Join(s, "\t"), "\t"))
}

// progress says what long work is at, to a person at a terminal; in a pipe it is
// quiet.
func (a *app) progress(format string, args ...any) {
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}
