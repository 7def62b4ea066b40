package guestbuild

import (
	"os"
	"path/filepath"
)

// Prebuilt returns the path of a module that is committed, named from the root of
// the repository. With AMINO_GUESTS=rebuilt in the environment it is the one that
// the scripts have rebuilt, build/guests/<name>, where there is one.
func Prebuilt(t TB, name string) string {
	t.Helper()
	return prebuilt(t, Root(t), name)
}

func prebuilt(t TB, root, name string) string {
	t.Helper()
	if os.Getenv("AMINO_GUESTS") == "rebuilt" {
		rebuilt := filepath.Join(root, "build", "guests", filepath.FromSlash(name))
		if _, err := os.Stat(rebuilt); err == nil {
			return rebuilt
		}
		t.Logf("%s has not been rebuilt: its language's tools are missing; the committed one is used", name)
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}
