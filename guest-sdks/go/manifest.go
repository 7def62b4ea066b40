package amino

import (
	"reflect"
	"unicode/utf8"

	"amino.run/guest/internal/value"
)

// manifest returns the manifest of ABI.md as JSON. It is written by hand because
// encoding/json would add a fifth to every module.
func (s *service) manifest() []byte {
	s.readSource()
	b := append([]byte(`{"abi":1`), `,"name":`...)
	b = appendString(b, s.name)
	b = appendOptional(b, `,"doc":`, s.doc)
	b = append(b, `,"language":"go"`...)
	if s.constructor != nil {
		b = append(b, `,"constructor":{`...)
		b = s.constructor.appendTypes(b, "")
		b = append(b, '}')
	}
	b = append(b, `,"methods":[`...)
	for i, f := range s.order {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = appendString(b, f.wire)
		b = f.appendTypes(b, ",")
		b = append(b, '}')
	}
	b = append(b, ']')
	if len(s.chain) > 0 {
		b = append(b, `,"dms":`...)
		b = appendList(b, s.chain, appendString)
	}
	return append(b, '}')
}

// appendTypes appends the members of a method that follow its name.
func (f *function) appendTypes(b []byte, comma string) []byte {
	start := len(b)
	b = appendOptional(b, `,"doc":`, f.doc)
	if len(f.params) > 0 {
		b = append(b, `,"params":`...)
		i := -1
		b = appendList(b, f.params, func(b []byte, t reflect.Type) []byte {
			i++
			b = appendString(append(b, `{"name":`...), f.param(i))
			b = appendString(append(b, `,"type":`...), value.Type(t))
			return append(b, '}')
		})
	}
	if f.result != nil {
		b = appendString(append(b, `,"result":`...), value.Type(f.result))
	}
	if f.readOnly {
		b = append(b, `,"readonly":true`...)
	}
	if comma == "" && len(b) > start {
		b = append(b[:start], b[start+1:]...)
	}
	return b
}

func appendOptional(b []byte, key, text string) []byte {
	if text == "" {
		return b
	}
	return appendString(append(b, key...), text)
}

func appendList[T any](b []byte, list []T, item func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, v)
	}
	return append(b, ']')
}

// appendString appends text as a JSON string (RFC 8259, section 7).
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r < 0x20:
			b = append(b, `\u00`...)
			b = append(b, hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
