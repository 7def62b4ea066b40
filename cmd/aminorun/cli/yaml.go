package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// arguments are YAML values, as JSON. They are made of what is written, not of what
// YAML makes of it: 2026-01-02 stays text, and a large number stays itself.
type arguments []json.RawMessage

// UnmarshalYAML implements yaml.Unmarshaler.
func (a *arguments) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return wrongAt(n, "want a list of arguments")
	}
	for _, c := range n.Content {
		v, err := plainValue(c)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil { // .inf
			return wrongAt(c, "an argument is JSON, which cannot be %s", c.Value)
		}
		*a = append(*a, b)
	}
	return nil
}

func wrongAt(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// plainValue returns a node as what package json marshals.
func plainValue(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			v, err := plainValue(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, err := plainValue(c)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.AliasNode:
		return nil, wrongAt(n, "an argument cannot be an alias (*%s); write it out", n.Value)
	}
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		err := n.Decode(&v)
		return v, err
	}
	return n.Value, nil
}

// jsonString is a string as JSON writes it.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// asYAML returns JSON as YAML, line by line. All JSON is YAML but for some escapes
// in strings, which are written out; what is not JSON stays as it is.
func asYAML(b []byte) []byte {
	if !json.Valid(b) {
		return b
	}
	return jsonString.ReplaceAllFunc(b, func(literal []byte) []byte {
		var text string
		if err := json.Unmarshal(literal, &text); err != nil {
			return literal
		}
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(text); err != nil {
			return literal
		}
		return bytes.TrimSpace(out.Bytes())
	})
}

var (
	unknownField = regexp.MustCompile(`^(line \d+): field (.*) not found in type cli\.(\w+)$`)
	wrongType    = regexp.MustCompile("(?s)^(line \\d+): cannot unmarshal !!(\\w+) ?(`.*`)? ?into (.*)$")
)

// plainYAML returns the first thing that is wrong with a document as a person
// reads it: where it is, what it is, and what would be right.
func plainYAML(err error) error {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	text := wrong.Errors[0]
	if m := unknownField.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%s: there is no field %q here; there are %s", m[1], m[2], strings.Join(fieldsOf(m[3]), ", "))
	} else if m := wrongType.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%s: want %s, got %s", m[1], inYAML(m[4]), strings.TrimSpace(yamlKinds[m[2]]+" "+m[3]))
	}
	if n := len(wrong.Errors) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return errors.New(text)
}

// fieldsOf returns the fields of a part of a document.
func fieldsOf(part string) (names []string) {
	for _, v := range []any{document{}, metadata{}, spec{}, requirement{}} {
		t := reflect.TypeOf(v)
		for i := 0; t.Name() == part && i < t.NumField(); i++ {
			names = append(names, t.Field(i).Tag.Get("yaml"))
		}
	}
	return names
}

var yamlKinds = map[string]string{
	"map": "fields", "seq": "a list", "str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing",
}

// inYAML says what a type of a document's field is.
func inYAML(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map"), strings.HasPrefix(goType, "cli."):
		return "fields"
	case goType == "uint64":
		return "a whole number"
	}
	return "text"
}
