package compile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

var c = language{
	name:    "C",
	files:   []string{"*.c"},
	install: "c",
	tools:   "clang, lld, wasi-libc and the compiler-rt of wasm32 (on Debian: clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32)",
	command: func(j *job) (*exec.Cmd, error) {
		sdk, err := j.needSDK("c")
		if err != nil {
			return nil, err
		}
		names := []string{"clang-22", "clang"}
		if set := os.Getenv("CLANG"); set != "" {
			names = []string{set}
		}
		clang, err := tool(names...)
		if err != nil {
			return nil, err
		}
		args := []string{
			"--target=wasm32-wasi", "-mexec-model=reactor", "-std=gnu17", "-O2", "-fwrapv", "-Wall", "-Wno-deprecated",
			"-I" + sdk, "-Wl,--strip-all", "-o", j.out,
		}
		// An older wasm-opt on PATH cannot read what a newer clang makes.
		if help, err := exec.CommandContext(j.ctx, clang, "--help").Output(); err == nil && strings.Contains(string(help), "--no-wasm-opt") {
			args = append(args, "--no-wasm-opt")
		}
		for _, dir := range []string{j.dir, sdk} {
			sources, err := filepath.Glob(filepath.Join(escape(dir), "*.c"))
			if err != nil {
				return nil, err
			}
			args = append(args, sources...)
		}
		cmd := exec.CommandContext(j.ctx, clang, args...)
		cmd.Dir = j.dir
		return cmd, nil
	},
	advice: func(_ *job, said string) string {
		for _, sign := range []string{"'stdlib.h' file not found", "'string.h' file not found", "cannot open crt1", "wasm-ld", "libclang_rt"} {
			if strings.Contains(said, sign) {
				return "if the linker or the C library for wasm32-wasi is missing: scripts/toolchain/install.sh c, or on Debian apt-get install wasi-libc lld-22 libclang-rt-22-dev-wasm32"
			}
		}
		return ""
	},
}
