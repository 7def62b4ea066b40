// Package script makes modules of scripts. It has the interpreters, as modules: a
// script is read by one once, and the state that leaves is what its module begins in.
// So a script's microservice starts without reading it, and needs nothing that the
// interpreter's module does not.
package script

import (
	"context"
	_ "embed"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"amino.run/abi"
	"amino.run/host"
)

// An interpreter runs the scripts of a language. Before it has one it is a
// microservice with the method load(file, source).
type interpreter struct {
	name       string
	extensions []string
	module     []byte
}

//go:embed javascript.wasm
var javascript []byte

// interpreters are all that there are; scripts/toolchain builds them of guest-sdks.
var interpreters = []interpreter{
	{"JavaScript", []string{".js", ".mjs"}, javascript},
}

// Language returns the name of the language that a file is a script in, by what its
// name ends in, or "".
func Language(file string) string {
	if i := interpreterOf(file); i != nil {
		return i.name
	}
	return ""
}

// Languages returns the names of all languages of scripts.
func Languages() []string {
	names := make([]string, len(interpreters))
	for i, in := range interpreters {
		names[i] = in.name
	}
	return names
}

func interpreterOf(file string) *interpreter {
	for i, in := range interpreters {
		for _, ext := range in.extensions {
			if strings.EqualFold(filepath.Ext(file), ext) {
				return &interpreters[i]
			}
		}
	}
	return nil
}

// A Script is the text of one and the name of its file, as messages show it.
type Script struct {
	File   string
	Source []byte
	Log    func(level int, text string) // told what it prints while it is read; nil: no one
}

// patience is how long a script may take to be read.
const patience = 30 * time.Second

// Module reads a script with the engine and returns its module, the same bytes for the
// same script. Its error is of code Refused if the script is not well-formed, with the
// file, line and column, or fails while it is read.
func Module(ctx context.Context, e host.Engine, s Script) ([]byte, error) {
	in := interpreterOf(s.File)
	if in == nil {
		return nil, abi.Errorf(abi.NotFound, "%s is no script in %s", s.File, strings.Join(Languages(), " or "))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	img, err := in.read(ctx, e, s)
	if err != nil {
		return nil, err
	}
	return host.BeginAt(in.module, img)
}

// read returns the state in which the interpreter has read a script.
func (in *interpreter) read(ctx context.Context, e host.Engine, s Script) (*host.Image, error) {
	program, err := host.Prepare(in.module)
	if err != nil {
		return nil, err
	}
	code, err := e.Compile(ctx, program)
	if err != nil {
		return nil, err
	}
	defer code.Close(ctx)
	inst, err := code.Instantiate(ctx, host.Config{Env: &workshop{log: s.Log}}, nil)
	if err != nil {
		return nil, err
	}
	defer inst.Close(ctx)
	if err := inst.Boot(ctx); err != nil {
		return nil, err
	}
	file := filepath.Base(s.File)
	if !utf8.Valid(s.Source) {
		return nil, abi.Errorf(abi.Refused, "%s is not text in UTF-8", file)
	}
	args, err := abi.Args(file, string(s.Source))
	if err != nil {
		return nil, err
	}
	if _, err := inst.Invoke(ctx, abi.Method, 0, "load", args); err != nil {
		text := err.Error()
		if !strings.HasPrefix(text, file+":") { // it is not known where
			text = file + ": " + text
		}
		return nil, abi.Errorf(abi.Refused, "%s", text)
	}
	return inst.Snapshot()
}

// A workshop is the world of a script that is read, the same for each: its clock
// stands still and chance repeats itself, so that it leaves the same state every time.
type workshop struct {
	host.Alone
	log    func(level int, text string)
	chance rand.ChaCha8
}

// Time implements host.Nature.
func (*workshop) Time(host.Clock, int64) int64 { return 1 }

// Sleep implements host.Nature.
func (*workshop) Sleep(time.Duration) time.Duration { return 0 }

// Random implements host.Nature.
func (w *workshop) Random(b []byte) { w.chance.Read(b) }

// Log implements host.Env.
func (w *workshop) Log(level int, text string) {
	if w.log != nil {
		w.log(level, text)
	}
}
