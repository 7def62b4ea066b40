package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"amino.run/abi"
)

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which build of aminorun this is",
		Example: "  aminorun version\n  aminorun version --output json",
		Args:    exactly(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion()
			return a.print(v, func(t *table) {
				t.row("aminorun", v.Version)
				t.row("revision", v.Revision)
				t.row("guest ABI", v.ABI)
				t.row("built with", v.Go)
				t.row("for", v.Platform)
			})
		},
	}
}

// A versionView is a build as `--output json` shows it.
type versionView struct {
	Version  string `json:"version"`            // of the module, "(devel)" if built from a working tree
	Revision string `json:"revision,omitempty"` // of the source, with "+" if that was changed
	ABI      string `json:"abi"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildVersion returns what the Go tool wrote into the program.
func buildVersion() versionView {
	v := versionView{Version: "(devel)", ABI: abi.ExportVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			v.Revision += "+"
		}
	}
	return v
}
