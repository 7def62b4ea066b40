package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"amino.run/abi"
)

// What a Requirement asks of its label. NotIn also holds for a node without the
// label, as in Kubernetes.
const (
	Equal  = "Equal"  // one value
	In     = "In"     // one value or more
	NotIn  = "NotIn"  // one value or more
	Exists = "Exists" // no value
)

// Matches reports whether a node with these labels is selected.
func (s Selector) Matches(labels map[string]string) bool {
	return len(s) == 0 || slices.ContainsFunc(s, func(t Term) bool { return t.matches(labels) })
}

func (t Term) matches(labels map[string]string) bool {
	return !slices.ContainsFunc(t, func(r Requirement) bool { return !r.matches(labels) })
}

func (r Requirement) matches(labels map[string]string) bool {
	value, ok := labels[r.Key]
	switch r.Op {
	case Equal, In:
		return ok && slices.Contains(r.Values, value)
	case NotIn:
		return !ok || !slices.Contains(r.Values, value)
	}
	return ok
}

// Validate returns an error of code BadArgument that says which requirement is
// not well formed and how it should be.
func (s Selector) Validate() error {
	for _, t := range s {
		if len(t) == 0 {
			return abi.Errorf(abi.BadArgument, "selector has an empty term: leave it out to match every kernel")
		}
		for _, r := range t {
			if err := r.validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r Requirement) validate() error {
	if !isLabel(r.Key) {
		return abi.Errorf(abi.BadArgument, "selector: %q is not a label: use letters, digits and - _ . /", r.Key)
	}
	for _, v := range r.Values {
		if !isLabel(v) {
			return abi.Errorf(abi.BadArgument, "selector: %q is not a value of label %s: use letters, digits and - _ . /", v, r.Key)
		}
	}
	n := len(r.Values)
	switch r.Op {
	case Equal:
		if n != 1 {
			return abi.Errorf(abi.BadArgument, "selector: Equal on label %s needs one value and has %d", r.Key, n)
		}
	case In, NotIn:
		if n == 0 {
			return abi.Errorf(abi.BadArgument, "selector: %s on label %s needs a value", r.Op, r.Key)
		}
	case Exists:
		if n != 0 {
			return abi.Errorf(abi.BadArgument, "selector: Exists on label %s takes no value", r.Key)
		}
	default:
		return abi.Errorf(abi.BadArgument, "selector: unknown operator %q on label %s: there are Equal, In, NotIn, Exists", r.Op, r.Key)
	}
	return nil
}

// isLabel reports whether s may be a label's key or value.
func isLabel(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./", c))
	})
}

// String returns the text that ParseSelector reads; "" matches all.
func (s Selector) String() string {
	terms := make([]string, len(s))
	for i, t := range s {
		reqs := make([]string, len(t))
		for j, r := range t {
			reqs[j] = r.String()
		}
		terms[i] = strings.Join(reqs, ",")
	}
	return strings.Join(terms, ";")
}

// String returns the requirement as ParseSelector reads it.
func (r Requirement) String() string {
	switch r.Op {
	case Equal:
		return r.Key + "=" + strings.Join(r.Values, ",")
	case Exists:
		return r.Key
	}
	return fmt.Sprintf("%s %s (%s)", r.Key, strings.ToLower(r.Op), strings.Join(r.Values, ","))
}

// ParseSelector reads terms parted by ";", each of requirements parted by ",":
//
//	region=eu,tier in (cloud,edge);gpu;zone notin (b)
//
// A node is selected that has region eu and is of tier cloud or edge, or has a
// label gpu, or is not in zone b. An error has code BadArgument.
func ParseSelector(text string) (Selector, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var s Selector
	for term := range strings.SplitSeq(text, ";") {
		var t Term
		for _, req := range splitOutside(term) {
			r, err := parseRequirement(strings.TrimSpace(req))
			if err != nil {
				return nil, err
			}
			t = append(t, r)
		}
		s = append(s, t)
	}
	return s, nil
}

// splitOutside splits at the commas that are outside parentheses.
func splitOutside(s string) (parts []string) {
	depth, from := 0, 0
	for i, c := range s {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

func parseRequirement(s string) (Requirement, error) {
	r := Requirement{Key: s, Op: Exists}
	if head, list, ok := strings.Cut(s, "("); ok {
		words := strings.Fields(head)
		list, closed := strings.CutSuffix(list, ")")
		if len(words) != 2 || !closed {
			return r, abi.Errorf(abi.BadArgument, "selector: cannot read %q: write LABEL in (A,B) or LABEL notin (A,B)", s)
		}
		r.Key = words[0]
		switch words[1] {
		case "in":
			r.Op = In
		case "notin":
			r.Op = NotIn
		default:
			return r, abi.Errorf(abi.BadArgument, "selector: unknown operator %q in %q: write in or notin", words[1], s)
		}
		for v := range strings.SplitSeq(list, ",") {
			r.Values = append(r.Values, strings.TrimSpace(v))
		}
	} else if key, value, ok := strings.Cut(s, "="); ok {
		r = Requirement{strings.TrimSpace(key), Equal, []string{strings.TrimSpace(value)}}
	}
	return r, r.validate()
}

// FormatLabels returns labels as text, sorted: "region=eu,tier=cloud".
func FormatLabels(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ",")
}
