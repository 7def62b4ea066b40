// Package compile turns a directory of source into a module, with the plain
// compiler of the language it is in. One file is one language.
package compile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"amino.run/abi"
)

// A Request says what to compile.
type Request struct {
	Dir      string    // of the source
	Out      string    // path of the module
	Language string    // one of Languages; "" recognises it
	Log      io.Writer // gets what the compiler says
}

// A language is how the sources in it are recognised and compiled.
type language struct {
	name    string
	files   []string // patterns; a directory with such a file holds the language
	install string   // its name for scripts/toolchain/install.sh
	tools   string   // what that installs, for who has no such script

	// command returns the compiler's command line, or a *missing.
	command func(j *job) (*exec.Cmd, error)

	// result returns where the command puts the module, if not at j.out.
	result func(j *job) (string, error)

	// advice returns what to do about a compiler's message, "" if it says enough.
	advice func(j *job, said string) string
}

// A job is one compilation.
type job struct {
	ctx      context.Context
	dir, out string // absolute
	sdk      string // the directory guest-sdks, "" if it is not found
}

// Module compiles, and returns the language. Errors of code NotFound mean that a
// tool or the source is missing, of code Refused that the compiler failed; both
// say what to do.
func Module(ctx context.Context, r Request) (string, error) {
	l, err := recognise(r.Dir, r.Language)
	if err != nil {
		return "", err
	}
	j := &job{ctx: ctx}
	if j.dir, err = filepath.Abs(r.Dir); err != nil {
		return "", err
	}
	if j.out, err = filepath.Abs(r.Out); err != nil {
		return "", err
	}
	if j.sdk, err = findSDK(j.dir); err != nil {
		return "", err
	}
	return l.name, l.run(j, r.Log)
}

func (l *language) run(j *job, log io.Writer) error {
	cmd, err := l.command(j)
	if err != nil {
		return l.explain(j, err)
	}
	var said bytes.Buffer
	both := io.MultiWriter(&said, log)
	cmd.Stdout, cmd.Stderr = both, both
	switch err := cmd.Run(); {
	case j.ctx.Err() != nil:
		return abi.AsError(j.ctx.Err())
	case errors.Is(err, exec.ErrNotFound):
		return l.explain(j, &missing{tool: cmd.Path})
	case err != nil:
		text := l.name + " source in " + j.dir + " does not compile; the compiler's words are above"
		if l.advice != nil {
			if advice := l.advice(j, said.String()); advice != "" {
				text += "\n" + advice
			}
		}
		return abi.Errorf(abi.Refused, "%s", text)
	}
	if l.result == nil {
		return nil
	}
	made, err := l.result(j)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(made)
	if err != nil {
		return abi.Errorf(abi.Internal, "the compiler made no module: %v", err)
	}
	return os.WriteFile(j.out, b, 0o644)
}

// explain adds to a missing tool how to install it.
func (l *language) explain(j *job, err error) error {
	var m *missing
	if !errors.As(err, &m) {
		return err
	}
	how := "install " + l.tools
	if script := j.installer(); script != "" {
		how = "run " + script + " " + l.install + ", or install " + l.tools
	}
	return abi.Errorf(abi.NotFound, "to build %s, %s is needed and is not here: %s", l.name, m.tool, how)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// recognise returns the language named, or the one whose files are in dir.
func recognise(dir, name string) (*language, error) {
	var names []string
	var found []*language
	for i := range languages {
		l := &languages[i]
		names = append(names, l.name)
		if name == "" && l.in(dir) || strings.EqualFold(l.name, name) {
			found = append(found, l)
		}
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, abi.Errorf(abi.NotFound, "no source: %v", err)
	case !info.IsDir():
		return nil, abi.Errorf(abi.NotFound, "%s is a file; name the directory that it is in", dir)
	case len(found) == 1:
		return found[0], nil
	case name != "":
		return nil, abi.Errorf(abi.NotFound, "no language %q; there are %s", name, strings.Join(names, ", "))
	case len(found) > 1:
		return nil, abi.Errorf(abi.Refused, "%s holds %s and %s; name the one to build with --language", dir, found[0].name, found[1].name)
	}
	return nil, abi.Errorf(abi.NotFound, "%s holds no source in %s; a module that is built otherwise can be deployed as it is", dir, strings.Join(names, ", "))
}

// in reports whether dir holds a file of the language.
func (l *language) in(dir string) bool {
	for _, pattern := range l.files {
		if m, err := filepath.Glob(filepath.Join(escape(dir), pattern)); err == nil && len(m) > 0 {
			return true
		}
	}
	return false
}

// escape keeps the letters of a path from being read as a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
