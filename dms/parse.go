package dms

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"amino.run/abi"
)

// Parse returns the DM that spec describes: a registered name and, where they
// differ from the defaults, its fields. Text that holds anything but letters,
// digits and . _ : / + - is quoted as in Go. Errors are of code abi.Refused and say
// what to write.
//
//	SerializableRPC
//	LeaseCaching(ttl=10s)
//	KeepInCloud(region="eu (west)")
func Parse(spec string) (DM, error) { return parse(spec, New) }

// parse is Parse, with new to find the DM of a name.
func parse(spec string, new func(name string) (DM, error)) (DM, error) {
	name, rest, fields := strings.Cut(strings.TrimSpace(spec), "(")
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, refused("%q names no deployment manager; write, say, LeaseCaching(ttl=10s)", spec)
	}
	if !fields && strings.HasSuffix(name, ")") {
		return nil, refused("%s has a ) without a (", spec)
	}
	dm, err := new(name)
	if err != nil {
		return nil, err
	}
	name = shown(name)
	if fields {
		values, err := parseFields(rest)
		if err == nil {
			err = setFields(dm, name, values)
		}
		if err != nil {
			return nil, refused("%s: %v", name, err)
		}
	}
	if err := validate(dm); err != nil {
		return nil, refused("%s: %v", name, err)
	}
	return dm, nil
}

// A pair is one field of a text form.
type pair struct{ key, value string }

// parseFields reads what follows the opening parenthesis.
func parseFields(s string) (pairs []pair, err error) {
	for {
		s = strings.TrimSpace(s)
		if rest, ok := strings.CutPrefix(s, ")"); ok && len(pairs) == 0 {
			return pairs, end(rest)
		}
		i := strings.IndexAny(s, "=,()")
		switch {
		case i < 0:
			return nil, refused("the closing ) is missing")
		case i == 0 || s[i] == '(':
			return nil, refused("a field's name is missing at %q; write name=value, with commas between", s)
		case s[i] != '=':
			return nil, refused("%s has no value; write %s=value", strings.TrimSpace(s[:i]), strings.TrimSpace(s[:i]))
		}
		p := pair{key: strings.TrimSpace(s[:i])}
		if p.value, s, err = parseValue(p.key, strings.TrimSpace(s[i+1:])); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
		switch s = strings.TrimSpace(s); {
		case strings.HasPrefix(s, ","):
			s = s[1:]
		case strings.HasPrefix(s, ")"):
			return pairs, end(s[1:])
		case s == "":
			return nil, refused("the closing ) is missing")
		default:
			return nil, refused("a comma is missing before %q", s)
		}
	}
}

func end(rest string) error {
	if rest = strings.TrimSpace(rest); rest != "" {
		return refused("nothing may follow the closing ), but %q does", rest)
	}
	return nil
}

// parseValue returns the value at the start of s and what follows it.
func parseValue(key, s string) (value, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", refused("%s: the closing \" is missing", key)
		}
		value, err = strconv.Unquote(quoted)
		return value, s[len(quoted):], err
	}
	n := strings.IndexAny(s, ",()=\" \t\r\n")
	if n < 0 {
		n = len(s)
	}
	switch value = s[:n]; {
	case value == "":
		return "", "", refused("%s has no value; write %s=value", key, key)
	case !plain.MatchString(value):
		return "", "", refused("%s=%s needs quotes; write %s=%q", key, value, key, value)
	}
	return value, s[n:], nil
}

func setFields(dm DM, name string, values []pair) error {
	fields := fieldsOf(dm)
	for i, v := range values {
		at := slices.IndexFunc(fields, func(f Field) bool { return f.Name == v.key })
		switch {
		case at < 0 && len(fields) == 0:
			return refused("it has no fields; write %s", name)
		case at < 0:
			return refused("it has no field %q; its fields are %s", v.key, describe(fields))
		case slices.ContainsFunc(values[:i], func(w pair) bool { return w.key == v.key }):
			return refused("the field %s is given twice", v.key)
		}
		if err := fields[at].set(v.value); err != nil {
			return err
		}
	}
	return nil
}

func describe(fields []Field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name + "=" + f.Default + " (" + f.Type + ")"
	}
	return list(all)
}

// String returns the canonical text form of dm: its name and the fields that
// differ from the defaults. Parse reads it back.
func String(dm DM) string {
	name := NameOf(dm)
	var args []string
	defaults := defaultsOf(dm)
	for i, f := range fieldsOf(dm) {
		if i < len(defaults) && f.text() != defaults[i].Default {
			args = append(args, f.Name+"="+f.text())
		}
	}
	if args == nil {
		return name
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// defaultsOf returns the fields of dm with their defaults; nil if it is not known.
func defaultsOf(dm DM) []Field {
	if l, ok := dm.(Loaded); ok {
		return l.Fields()
	}
	fresh, err := New(NameOf(dm))
	if err != nil { // not registered
		return nil
	}
	return fieldsOf(fresh)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9._:/+-]+$`)

// quote returns text as Parse reads it.
func quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

func refused(format string, args ...any) error { return abi.Errorf(abi.Refused, format, args...) }
