package wazero

import (
	"bytes"
	"strings"

	"amino.run/host"
)

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 16 << 10

// lines is an io.Writer that makes a log line of each line written to it.
type lines struct {
	env   host.Env
	level int
	part  []byte // of a line that has not ended
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		take := end
		if end < 0 {
			take = len(b)
		}
		take = min(take, maxLine-len(l.part))
		l.part = append(l.part, b[:take]...)
		b = b[take:]
		if end == take {
			b = b[1:]
			l.flush(true)
		} else if len(l.part) == maxLine {
			l.flush(true)
		}
	}
	return n, nil
}

// flush logs what is there; empty lines only where they were written.
func (l *lines) flush(empty bool) {
	if len(l.part) > 0 || empty {
		l.env.Log(l.level, text(bytes.TrimSuffix(l.part, []byte("\r"))))
	}
	l.part = l.part[:0]
}

// text returns b as a string of its own, made valid.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }
