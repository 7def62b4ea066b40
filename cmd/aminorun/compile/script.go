package compile

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/internal/script"
)

// Script makes a module of the script in a file, with an interpreter that the command
// has in it: no tool is needed. What the script prints while it is read goes to log.
// Its error has the place of a fault as file:line:column.
func Script(ctx context.Context, engine host.Engine, file string, log io.Writer) ([]byte, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, abi.Errorf(abi.NotFound, "the script cannot be read: %v", err)
	}
	return script.Module(ctx, engine, script.Script{
		File: filepath.Base(file), Source: source,
		Log: func(_ int, text string) { fmt.Fprintln(log, text) },
	})
}

// ScriptLanguage returns the language of the script that a file is by its name, "" if
// it is none.
func ScriptLanguage(file string) string { return script.Language(file) }

// ScriptLanguages returns the names of the languages of scripts.
func ScriptLanguages() []string { return script.Languages() }
