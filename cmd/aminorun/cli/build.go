package cli

import (
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
		Use:   "build DIR [-o FILE.wasm]",
		Short: "Compile a microservice with its language's own compiler, and check it",
		Long: `Recognises the language of the source in DIR (` + strings.Join(compile.Languages(), ", ") + `), runs its
compiler, and checks the module as deploy would. Compilers come from build/toolchain
of a copy of Amino.Run, or from PATH. The SDK is the guest-sdks above DIR, or the one
that ` + compile.EnvSDK + ` names.`,
		Example: "  aminorun build ./counter\n  aminorun build ./counter -o counter.wasm && aminorun deploy counter.wasm",
		Args:    exactly(1, "one directory"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Base(dir) + ".wasm"
			}
			// What is not a good module never gets the name.
			temp, err := os.MkdirTemp("", "aminorun-build-")
			if err != nil {
				return abi.Errorf(abi.Storage, "no temporary directory: %v", err)
			}
			defer os.RemoveAll(temp)
			made := filepath.Join(temp, "module.wasm")
			a.progress("compiling %s", args[0])
			name, err := compile.Module(cmd.Context(), compile.Request{Dir: dir, Out: made, Language: language, Log: a.stderr})
			if err != nil {
				return err
			}
			wasm, err := os.ReadFile(made)
			if err != nil {
				return abi.Errorf(abi.Internal, "the compiler made no module: %v", err)
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
