// Package snake turns Go's names into the names every other language sees.
package snake

import (
	"strings"
	"unicode"
)

// Case returns a Go name in lower case with sep between its words: PutAll is
// put_all, HTTPStatus is http_status, Page2 is page2.
func Case(name string, sep byte) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && startsWord(runes, i) {
			b.WriteByte(sep)
		}
		if r == '_' {
			b.WriteByte(sep)
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// startsWord reports whether the upper-case letter at i begins a word: it
// follows a letter that is not upper-case, or it is the last of a row of
// upper-case letters before a lower-case one.
func startsWord(runes []rune, i int) bool {
	prev := runes[i-1]
	if prev == '_' {
		return false
	}
	if !unicode.IsUpper(prev) {
		return true
	}
	return i+1 < len(runes) && unicode.IsLower(runes[i+1])
}
