package wazero

import (
	"slices"
	"strings"
	"testing"

	"amino.run/host/hosttest"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, c := range map[string]struct{ writes, want []string }{
		"whole lines":        {[]string{"one\ntwo\n"}, []string{"1 one", "1 two"}},
		"in parts":           {[]string{"o", "n", "e\nt", "wo\n"}, []string{"1 one", "1 two"}},
		"without an end":     {[]string{"one"}, []string{"1 one"}},
		"empty ones":         {[]string{"\n\n"}, []string{"1 ", "1 "}},
		"nothing":            {[]string{""}, nil},
		"returns":            {[]string{"one\r\ntwo\r", "\n"}, []string{"1 one", "1 two"}},
		"not UTF-8":          {[]string{"a\xffb\n"}, []string{"1 a\uFFFDb"}},
		"just as long":       {[]string{long + "\n"}, []string{"1 " + long}},
		"too long":           {[]string{long + "rest\n"}, []string{"1 " + long, "1 rest"}},
		"too long, in parts": {[]string{long[1:], "x", "rest\n"}, []string{"1 " + long, "1 rest"}},
	} {
		env := &hosttest.Env{}
		l := lines{env: env, level: 1}
		for _, w := range c.writes {
			if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		l.flush(false)
		if got := env.Lines(); !slices.Equal(got, c.want) {
			t.Errorf("%s: logged %.60q, want %.60q", name, got, c.want)
		}
	}
}
