package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/cmd/aminorun/compile"
	"amino.run/internal/fsutil"
)

func (a *app) buildCmd() *cobra.Command {
	var out, language string
	cmd := &cobra.Command{
		Use:   "build DIR|SCRIPT [-o FILE.wasm]",
		Short: "Compile a microservice with its language's own compiler, and check it",
		Long: `Recognises the language of the source in DIR (` + strings.Join(compile.Languages(), ", ") + `), runs its
compiler, and checks the module as deploy would. Compilers come from build/toolchain
of a copy of Amino.Run, or from PATH. The SDK is the guest-sdks above DIR, or the one
that ` + compile.EnvSDK + ` names. A SCRIPT (` + strings.Join(compile.ScriptLanguages(), ", ") + `) needs neither: its interpreter is in this
command, and the module is the interpreter with the script read.`,
		Example: "  aminorun build ./counter\n  aminorun build ./counter -o counter.wasm && aminorun deploy counter.wasm\n  aminorun build counter.js",
		Args:    exactly(1, "one directory or script"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = strings.TrimSuffix(filepath.Base(dir), filepath.Ext(dir)) + ".wasm"
			}
			a.progress("compiling %s", args[0])
			// What is not a good module never gets the name.
			name, wasm, err := a.compile(cmd.Context(), dir, language)
			if err != nil {
				return err
			}
			a.progress("checking %s (%s)", out, formatBytes(uint64(len(wasm))))
			m, notes, err := inspect(cmd.Context(), wasm)
			if err != nil {
				return fmt.Errorf("%s compiles, but cannot be deployed: %w", args[0], err)
			}
			if err := fsutil.WriteFile(out, wasm); err != nil {
				return abi.Errorf(abi.Storage, "the module was not written: %v", err)
			}
			return a.printBuild(buildView{m.Name, name, out, len(wasm), notes, m.Methods})
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write (default: the directory's name, in this one)")
	cmd.Flags().StringVar(&language, "language", "", "language of the source, where DIR holds several")
	return cmd
}

// compile returns the module of a directory of source or a script, and the name of
// its language.
func (a *app) compile(ctx context.Context, path, language string) (string, []byte, error) {
	if name := compile.ScriptLanguage(path); name != "" {
		wasm, err := a.compileScript(ctx, path)
		return name, wasm, err
	}
	temp, err := os.MkdirTemp("", "aminorun-build-")
	if err != nil {
		return "", nil, abi.Errorf(abi.Storage, "no temporary directory: %v", err)
	}
	defer os.RemoveAll(temp)
	made := filepath.Join(temp, "module.wasm")
	name, err := compile.Module(ctx, compile.Request{Dir: path, Out: made, Language: language, Log: a.stderr})
	if err != nil {
		return "", nil, err
	}
	wasm, err := os.ReadFile(made)
	if err != nil {
		return "", nil, abi.Errorf(abi.Internal, "the compiler made no module: %v", err)
	}
	return name, wasm, nil
}

// compileScript returns the module of a script. The engine's cache is the one that
// dev uses: the interpreter is compiled once.
func (a *app) compileScript(ctx context.Context, path string) (_ []byte, err error) {
	var stop stops
	defer func() { _ = stop.run() }() // nothing is left in it
	engine, err := newEngine(ctx, cacheDir(), &stop)
	if err != nil {
		return nil, err
	}
	return compile.Script(ctx, engine, path, a.stderr)
}

// A buildView is a built module as `--output json` shows it.
type buildView struct {
	Name     string           `json:"name"`
	Language string           `json:"language"`
	File     string           `json:"file"`
	Size     int              `json:"size"`
	Notes    []string         `json:"notes,omitempty"`
	Methods  []abi.MethodType `json:"methods"`
}

func (a *app) printBuild(v buildView) error {
	return a.print(v, func(t *table) {
		t.row("name:", v.Name)
		t.row("language:", v.Language)
		t.row("file:", v.File)
		t.row("size:", formatBytes(uint64(v.Size)))
		for _, n := range v.Notes {
			t.row("note:", n)
		}
		for _, m := range v.Methods {
			t.row("method:", signature(m), m.Doc)
		}
	})
}
