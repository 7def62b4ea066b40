package conformance_test

import (
	"os"
	"path/filepath"
	"testing"

	"amino.run/guest-sdks/conformance"
	"amino.run/internal/guestbuild"
)

// languages are the SDKs. To add one, write its conformance microservice and a
// line here.
var languages = []struct {
	dir string // beside this package; its module is conformance/conformance.wasm
	conformance.Options
}{
	{"go", conformance.Options{Language: "go"}},
	{"rust", conformance.Options{Language: "rust", PanicTraps: true}},
	{"c", conformance.Options{Language: "c", PanicTraps: true}},
	{"assemblyscript", conformance.Options{Language: "assemblyscript", PanicTraps: true}},
}

func TestConformance(t *testing.T) {
	for _, l := range languages {
		t.Run(l.dir, func(t *testing.T) { conformance.Suite(t, modulePath(t, l.dir), l.Options) })
	}
}

func modulePath(t *testing.T, dir string) string {
	if dir == "go" {
		return guestbuild.Go(t, filepath.Join(guestbuild.Root(t), "guest-sdks", "go", "conformance"))
	}
	path := "guest-sdks/" + dir + "/conformance/conformance.wasm"
	if _, err := os.Stat(filepath.Join(guestbuild.Root(t), path)); err != nil {
		t.Skip(err)
	}
	return guestbuild.Prebuilt(t, path)
}
