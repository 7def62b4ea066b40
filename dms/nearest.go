package dms

import "strings"

func unknownName(name string) error {
	if near := nearest(name, Names()); len(near) > 0 {
		return refused("unknown deployment manager %q; did you mean %s? There are %s", name, strings.Join(near, " or "), list(Names()))
	}
	return refused("unknown deployment manager %q; there are %s", name, list(Names()))
}

// nearest returns the candidates that fewest edits turn name into, if that is at
// most a third of its letters.
func nearest(name string, candidates []string) (near []string) {
	least := max(2, len(name)/3)
	for _, c := range candidates {
		switch d := edits(strings.ToLower(name), strings.ToLower(c)); {
		case d < least:
			near, least = []string{c}, d
		case d == least:
			near = append(near, c)
		}
	}
	return near
}

// edits returns how many bytes to insert, delete or replace turn a into b
// (Levenshtein's distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// list joins what there is with commas, for messages.
func list[T ~string](all []T) string {
	if len(all) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}
