package abi

import (
	"encoding/json"
	"strings"
)

// ParseWord returns a word of a command line as a CBOR value of a type, "" being
// value. The word is JSON, or for the types that JSON writes as text that text
// itself: both hello and "hello" are the string hello, and 5 is the string 5.
// Errors have code BadArgument, or Refused if there is no such type.
func ParseWord(word, typ string) ([]byte, error) {
	if typ == "" {
		typ = anyType.Name
	}
	t, err := ParseType(typ)
	if err != nil {
		return nil, err
	}
	v, err := parseJSON(wordJSON(*t, word))
	if err != nil {
		return nil, Errorf(BadArgument, "%s is not JSON, want %s", word, typ)
	}
	b, err := fromJSON(*t, v)
	if err != nil {
		return nil, err
	}
	if bad := t.check(&reader{b}); bad != nil {
		return nil, Errorf(BadArgument, "%s%s", word, bad)
	}
	return b, nil
}

// ParseWords returns the words of a command line as the CBOR array of arguments
// that the method takes: each read as ParseWord does, all checked as CheckArgs does.
func (m *MethodType) ParseWords(words []string) ([]byte, error) {
	types, err := m.paramTypes()
	if err != nil {
		return nil, err
	}
	args := make([]json.RawMessage, len(words))
	for i, w := range words {
		if i >= len(types) {
			args[i] = wordJSON(anyType, w)
			continue
		}
		if args[i] = wordJSON(types[i], w); !json.Valid(args[i]) {
			return nil, Errorf(BadArgument, "argument %d (%s) of %s is %s, want %s", i+1, m.Params[i].Name, m.called(), w, types[i])
		}
	}
	return m.ConvertJSON(args)
}

// wordJSON returns a word as JSON: as it is, or as a JSON string if t can be
// written as one and the word's own kind of JSON cannot be a t.
func wordJSON(t Type, word string) json.RawMessage {
	if t.Name == "option" {
		if word == "null" {
			return json.RawMessage(word)
		}
		t = t.Args[0]
	}
	var kinds string // what t's JSON may begin with
	switch {
	case t.Name == "string" || t.Name == "char":
		kinds = `"`
	case t.Name == "time":
		kinds = `"{`
	case t.bytes():
		kinds = `"{[`
	case t.Name == "value":
		kinds = `"{[-0123456789tfn`
	default:
		return json.RawMessage(word)
	}
	if json.Valid([]byte(word)) && strings.IndexAny(strings.TrimSpace(word), kinds) == 0 {
		return json.RawMessage(word)
	}
	quoted, _ := json.Marshal(word) // a string always has a JSON form
	return quoted
}
