package amino

import (
	"reflect"
	"runtime"
	"strings"
	"unicode"

	"amino.run/guest/internal/snake"
)

// readSource takes documentation and the names of parameters from the embedded
// Go files. It expects them as gofmt leaves them: a declaration begins its line,
// and its comment is right above it.
func (s *service) readSource() {
	typ := s.typ().Elem().Name()
	maker := ""
	if s.constructor != nil {
		maker = functionName(s.constructor.fn)
	}
	for _, file := range s.source {
		eachDeclaration(file, func(comment []string, decl string) {
			if rest, ok := strings.CutPrefix(decl, "type "+typ); ok && strings.HasPrefix(rest, " ") {
				s.doc = docText(comment, typ)
			}
			receiver, name, params := functionParts(decl)
			switch {
			case receiver == typ && s.method(name) != nil:
				s.method(name).describe(comment, name, params)
			case receiver == "" && name != "" && name == maker:
				s.constructor.describe(comment, name, params)
			}
		})
	}
}

func (f *function) describe(comment []string, name, params string) {
	f.doc = docText(comment, name)
	if names := paramNames(params); len(names) == len(f.params) {
		f.names = names
	}
}

// functionName returns the name of a function, without its package.
func functionName(fn reflect.Value) string {
	name := runtime.FuncForPC(fn.Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}

// eachDeclaration calls f for each line of a Go file that begins a declaration,
// with the comment above it and the text from there on.
func eachDeclaration(file string, f func(comment []string, decl string)) {
	var comment []string
	for file != "" {
		line, rest, _ := strings.Cut(file, "\n")
		switch {
		case strings.HasPrefix(line, "//"):
			comment = append(comment, line)
		case strings.HasPrefix(line, "func "), strings.HasPrefix(line, "type "):
			f(comment, file)
			fallthrough
		default:
			comment = comment[:0]
		}
		file = rest
	}
}

// functionParts splits "func (c *Counter) Add(by int64) int64 ..." into Counter,
// Add and "by int64". The name is empty if decl is something else.
func functionParts(decl string) (receiver, name, params string) {
	decl, ok := strings.CutPrefix(decl, "func ")
	if !ok {
		return "", "", ""
	}
	if strings.HasPrefix(decl, "(") {
		receiver, decl, _ = strings.Cut(decl[1:], ") ")
		receiver = strings.TrimPrefix(receiver[strings.LastIndexByte(receiver, ' ')+1:], "*")
	}
	name, decl, _ = strings.Cut(decl, "(")
	depth := 1
	for i, r := range decl {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth == 0 {
			return receiver, name, decl[:i]
		}
	}
	return receiver, "", ""
}

// paramNames returns the names in a parameter list, in snake case; nil if it
// gives types only.
func paramNames(params string) []string {
	var names []string
	named := false
	depth, start := 0, 0
	for i, r := range params + "," {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if r != ',' || depth > 0 {
			continue
		}
		name, typ, _ := strings.Cut(strings.TrimSpace(params[start:i]), " ")
		start = i + 1
		if name == "" { // the list's last comma, before a line's end
			continue
		}
		if !isIdentifier(name) {
			return nil
		}
		named = named || typ != ""
		names = append(names, snake.Case(name, '_'))
	}
	if !named {
		return nil
	}
	return names
}

func isIdentifier(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// docText returns the text of name's comment in one line a paragraph, without
// directives. The name goes that only Go begins a comment with: "Add adds by" is
// "Adds by", as it is in the manifests of other languages.
func docText(comment []string, name string) string {
	var b strings.Builder
	for _, line := range comment {
		text, ok := strings.CutPrefix(line, "// ")
		switch {
		case !ok && line != "//": // a directive such as //go:embed
		case text == "" || line == "//":
			b.WriteByte('\n')
		default:
			if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
				b.WriteByte(' ')
			}
			b.WriteString(text)
		}
	}
	text := strings.TrimSpace(b.String())
	if rest, ok := strings.CutPrefix(text, name+" "); ok && beginsWithDeed(rest) {
		return strings.ToUpper(rest[:1]) + rest[1:]
	}
	return text
}

// beginsWithDeed tells whether text begins with a verb that needs no subject, as
// adds does and is does not.
func beginsWithDeed(text string) bool {
	verb := text[:strings.IndexAny(text+" ", " .,:;\n")]
	return strings.HasSuffix(verb, "s") && verb != "is" && verb != "was" && verb != "has"
}
