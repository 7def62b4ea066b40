package standard

import (
	_ "embed"
	"strings"
)

//go:generate go run gen.go
//go:generate go test -run ^TestGuarantees$ . -args -write

//go:embed dms.md
var document string

// Document returns what there is to know of all the deployment managers of this
// package, in Markdown.
func Document() string { return document }

// Doc returns what there is to know of one deployment manager, in Markdown: what it
// guarantees, costs and needs, its verbs and its fields.
func Doc(name string) (text string, ok bool) {
	_, text, ok = strings.Cut(document, "\n## "+name+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	return strings.TrimSpace(text), ok
}

// Summary returns the sentence that says what a deployment manager does, without
// its name; empty if it is not of this package.
func Summary(name string) string {
	text, _ := Doc(name)
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimPrefix(line, name+" ")
}
