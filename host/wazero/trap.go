package wazero

import (
	"errors"
	"regexp"
	"strings"

	"amino.run/abi"
	"github.com/tetratelabs/wazero/sys"
)

// failure returns why a call that the engine ended did not come to its end.
func (i *instance) failure(err error) *abi.Error {
	var known *abi.Error
	if errors.As(err, &known) && known.Code != abi.Trap {
		return known // of poll
	}
	if i.mem.lost != nil {
		return i.mem.exhausted()
	}
	if i.mem.refused {
		return abi.Errorf(abi.MemoryLimit, "the guest asked for more than its %d MiB of memory and gave up", i.mem.limit>>20)
	}
	var exited *sys.ExitError
	switch {
	case known != nil:
		return known
	case errors.As(err, &exited):
		return abi.Errorf(abi.Trap, "the guest exited with code %d", exited.ExitCode())
	}
	what, trace, _ := strings.Cut(err.Error(), "\n")
	what = strings.TrimSuffix(strings.TrimPrefix(what, "wasm error: "), " (recovered by wazero)")
	if what == "stack overflow" {
		what = "its calls are nested too deep (infinite recursion?)"
	}
	return abi.Errorf(abi.Trap, "the guest trapped: %s%s", what, where(trace))
}

// frame is a line of a stack trace: the module's name, which is empty, the
// function's, and its type. Functions without a name have $ and their index.
var frame = regexp.MustCompile(`(?m)^\t\.([^$\n][^\n]*?)\([a-z0-9,]*\)[^\n]*$`)

// where returns the innermost functions of a stack trace that have names.
func where(trace string) string {
	var names []string
	for _, m := range frame.FindAllStringSubmatch(trace, 4) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		return ""
	}
	return " (in " + strings.Join(names, ", called by ") + ")"
}
