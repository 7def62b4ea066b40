// Package transcript runs the transcripts in testdata, in the manner of etcd's
// raft: commands, and below each what it answers. They are tests and the
// documentation of the protocol they show; go test -rewrite writes the answers.
//
//	# a comment
//	join k1 region=eu
//	----
//	ok
package transcript

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the answers into the transcripts")

// A Command is a line of a transcript: words, and words of the form key=value.
type Command struct {
	Name string
	Args []string
	Opts map[string]string
}

// Arg returns the i-th word after the name, or "".
func (c Command) Arg(i int) string {
	if i < len(c.Args) {
		return c.Args[i]
	}
	return ""
}

func parse(line string) Command {
	c := Command{Opts: map[string]string{}}
	for i, word := range strings.Fields(line) {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case i == 0:
			c.Name = word
		case ok:
			c.Opts[key] = value
		default:
			c.Args = append(c.Args, word)
		}
	}
	return c
}

// A Script is a transcript to play.
type Script struct{ file string }

// Each calls f for each file of a pattern, in a test of its own.
func Each(t *testing.T, pattern string, f func(t *testing.T, s Script)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { f(t, Script{file}) })
	}
}

// Play has f answer each command. The commands of one block are answered together.
func (s Script) Play(t *testing.T, f func(Command) string) {
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		head, want, asks := strings.Cut(block+"\n", "----\n")
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(head)
		var got strings.Builder
		for line := range strings.Lines(head) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				if s := strings.TrimSpace(f(parse(line))); s != "" {
					got.WriteString(s + "\n")
				}
			}
		}
		if !asks && got.Len() == 0 {
			continue
		}
		out.WriteString("----\n" + got.String())
		if !*rewrite && got.String() != want {
			t.Errorf("%s:\n%s----\ngot\n%swant\n%s", s.file, head, got.String(), want)
		}
	}
	if *rewrite && out.String() != string(text) {
		if err := os.WriteFile(s.file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
