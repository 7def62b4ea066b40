package compile

import (
	"os/exec"
	"path/filepath"

	"amino.run/abi"
)

var assemblyScript = language{
	name:    "AssemblyScript",
	files:   []string{"asconfig.json", "*.ts"},
	install: "assemblyscript",
	tools:   "Node.js 18 or later and, in the project, the compiler and the SDK (npm install assemblyscript PATH-TO-AMINO.RUN/guest-sdks/assemblyscript)",
	command: func(j *job) (*exec.Cmd, error) {
		entry, err := j.entry()
		if err != nil {
			return nil, err
		}
		node, err := tool("node")
		if err != nil {
			return nil, err
		}
		modules, err := j.nodeModules()
		if err != nil {
			return nil, err
		}
		// From inside the project, so that the module's messages name its files and not
		// this machine's directories. The SDK may be a link; kept as one, it finds the
		// compiler beside it.
		cmd := exec.CommandContext(j.ctx, node, "--preserve-symlinks", filepath.Join(modules, asCompiler), entry, "-O", "-o", j.out,
			"--transform", filepath.Join(modules, asTransform))
		cmd.Dir = j.dir
		return cmd, nil
	},
}

// What a directory node_modules has of AssemblyScript.
var (
	asCompiler  = filepath.Join("assemblyscript", "bin", "asc.js")
	asTransform = filepath.Join("@amino.run", "assemblyscript", "transform", "index.js")
)

// nodeModules returns the nearest node_modules that has both: the project's, else
// the toolchain's.
func (j *job) nodeModules() (string, error) {
	for dir := j.dir; ; dir = filepath.Dir(dir) {
		modules := filepath.Join(dir, "node_modules")
		if exists(filepath.Join(modules, asCompiler)) && exists(filepath.Join(modules, asTransform)) {
			return modules, nil
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	modules := j.toolchain(filepath.Join("assemblyscript", "node_modules"))
	if modules == "" || !exists(filepath.Join(modules, asCompiler)) {
		return "", &missing{"the compiler asc with the SDK beside it"}
	}
	return modules, nil
}

// entry returns the source file to begin with.
func (j *job) entry() (string, error) {
	for _, name := range []string{"index.ts", filepath.Join("assembly", "index.ts")} {
		if exists(filepath.Join(j.dir, name)) {
			return name, nil
		}
	}
	all, err := filepath.Glob(filepath.Join(escape(j.dir), "*.ts"))
	if err != nil || len(all) != 1 {
		return "", abi.Errorf(abi.NotFound, "%s has no index.ts: that is the file to begin with", j.dir)
	}
	return filepath.Base(all[0]), nil
}
