package compile

import (
	"os"
	"os/exec"
	"strings"
)

var golang = language{
	name:    "Go",
	files:   []string{"go.mod", "*.go"},
	install: "go",
	tools:   "Go 1.26 or later (https://go.dev/dl)",
	command: func(j *job) (*exec.Cmd, error) {
		goTool := j.toolchain("go/bin/go")
		if goTool == "" {
			var err error
			if goTool, err = tool("go"); err != nil {
				return nil, err
			}
		}
		cmd := exec.CommandContext(j.ctx, goTool, "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", j.out, ".")
		cmd.Dir = j.dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		return cmd, nil
	},
	advice: func(j *job, said string) string {
		for _, sign := range []string{"amino.run/guest", "go.mod file not found"} {
			if strings.Contains(said, sign) {
				return "if the SDK is not in its go.mod (`go mod init` makes one): go mod edit -require=amino.run/guest@v0.0.0 -replace=amino.run/guest=" + j.sdkPath("go")
			}
		}
		return ""
	},
}
