package compile

import (
	"os/exec"
	"path/filepath"
)

// A missing is a tool that is not on this machine.
type missing struct{ tool string }

func (m *missing) Error() string { return m.tool + " is not found" }

// toolchain returns a path below build/toolchain of the copy of Amino.Run that the
// SDK is of, "" if it is not there.
func (j *job) toolchain(path string) string {
	if j.sdk == "" {
		return ""
	}
	path = filepath.Join(filepath.Dir(j.sdk), "build", "toolchain", path)
	if !exists(path) {
		return ""
	}
	return path
}

// installer returns the script that installs toolchains, "" if it is not there.
func (j *job) installer() string {
	script := filepath.Join(filepath.Dir(j.sdk), "scripts", "toolchain", "install.sh")
	if j.sdk == "" || !exists(script) {
		return ""
	}
	return script
}

// tool returns the first of these commands that is on PATH.
func tool(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &missing{names[len(names)-1]}
}
