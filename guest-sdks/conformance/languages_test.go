package conformance

import (
	"path/filepath"
	"testing"

	"amino.run/internal/guestbuild"
)

// languages are the SDKs. To add one, write its conformance microservice and a
// line here.
var languages = []struct {
	dir string // beside this package; its module is conformance/conformance.wasm
	Options
}{
	{"go", Options{Language: "go"}},
	{"rust", Options{Language: "rust", PanicTraps: true}},
	{"c", Options{Language: "c", PanicTraps: true}},
	{"assemblyscript", Options{Language: "assemblyscript"}},
	{"javascript", Options{Language: "javascript"}},
}

func TestConformance(t *testing.T) {
	for _, l := range languages {
		t.Run(l.dir, func(t *testing.T) { Suite(t, modulePath(t, l.dir), l.Options) })
	}
}

// modulePath returns where the module of a language is, or the script that load makes
// a module of.
func modulePath(t *testing.T, dir string) string {
	switch dir {
	case "go":
		return guestbuild.Go(t, filepath.Join(guestbuild.Root(t), "guest-sdks", "go", "conformance"))
	case "javascript":
		return filepath.Join(guestbuild.Root(t), "guest-sdks", dir, "conformance", "conformance.js")
	}
	return guestbuild.Prebuilt(t, "guest-sdks/"+dir+"/conformance/conformance.wasm")
}
