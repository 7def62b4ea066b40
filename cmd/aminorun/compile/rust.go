package compile

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"amino.run/abi"
)

const rustTarget = "wasm32-unknown-unknown"

var rust = language{
	name:    "Rust",
	files:   []string{"Cargo.toml"},
	install: "rust",
	tools:   "Rust 1.87 or later with the target " + rustTarget + " (rustup target add " + rustTarget + ")",
	command: func(j *job) (*exec.Cmd, error) {
		return j.cargo("rustc", "--quiet", "--release", "--lib", "--target", rustTarget, "--crate-type", "cdylib")
	},
	result: func(j *job) (string, error) {
		cmd, err := j.cargo("metadata", "--format-version=1", "--no-deps", "--offline")
		if err != nil {
			return "", err
		}
		out, err := cmd.Output()
		if err != nil {
			return "", abi.Errorf(abi.Refused, "cargo metadata in %s: %v", j.dir, err)
		}
		return rustModule(out, j.dir)
	},
	advice: func(j *job, said string) string {
		switch {
		case strings.Contains(said, "can't find crate for `core`"), strings.Contains(said, "can't find crate for `std`"):
			return "the target is missing: rustup target add " + rustTarget + ", or scripts/toolchain/install.sh rust"
		case strings.Contains(said, "no matching package named `amino`"), strings.Contains(said, "unresolved import `amino`"),
			strings.Contains(said, "unresolved module or unlinked crate `amino`"), strings.Contains(said, "use of undeclared crate or module `amino`"):
			return "if the SDK is not in Cargo.toml: cargo add amino --path " + filepath.Join(j.sdkPath("rust"), "amino")
		}
		return ""
	},
}

// cargo returns a command of Rust's. Paths of this machine do not get into the
// module, and what is in it is chosen for size.
func (j *job) cargo(args ...string) (*exec.Cmd, error) {
	env := os.Environ()
	cargo, err := tool("cargo")
	if own := j.toolchain("rust/bin"); own != "" {
		cargo, err = filepath.Join(own, "cargo"), nil
		env = append(env, "PATH="+own+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		return nil, err
	}
	home := os.Getenv("CARGO_HOME")
	if user, err := os.UserHomeDir(); home == "" && err == nil {
		home = filepath.Join(user, ".cargo")
	}
	flags := []string{"--remap-path-prefix=" + home + "=/cargo"}
	if j.sdk != "" {
		flags = append(flags, "--remap-path-prefix="+filepath.Dir(j.sdk)+"=/amino")
	}
	flags = append(flags, "--remap-path-prefix="+j.dir+"=/src")
	cmd := exec.CommandContext(j.ctx, cargo, args...)
	cmd.Dir = j.dir
	cmd.Env = append(env, "CARGO_ENCODED_RUSTFLAGS="+strings.Join(flags, "\x1f"), "CARGO_PROFILE_RELEASE_OPT_LEVEL=s",
		"CARGO_PROFILE_RELEASE_LTO=true", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1", "CARGO_PROFILE_RELEASE_PANIC=abort", "CARGO_PROFILE_RELEASE_STRIP=true")
	return cmd, nil
}

// rustModule returns where cargo, whose metadata this is, puts the module of the
// crate in dir.
func rustModule(metadata []byte, dir string) (string, error) {
	var m struct {
		Target   string `json:"target_directory"`
		Packages []struct {
			Manifest string `json:"manifest_path"`
			Targets  []struct {
				Name string
				Kind []string
			}
		}
	}
	if err := json.Unmarshal(metadata, &m); err != nil {
		return "", abi.Errorf(abi.Internal, "cargo metadata is not understood: %v", err)
	}
	for _, p := range m.Packages {
		if filepath.Dir(p.Manifest) != dir {
			continue
		}
		for _, t := range p.Targets {
			if len(t.Kind) > 0 && strings.HasSuffix(t.Kind[0], "lib") {
				return filepath.Join(m.Target, rustTarget, "release", strings.ReplaceAll(t.Name, "-", "_")+".wasm"), nil
			}
		}
	}
	return "", abi.Errorf(abi.Refused, "%s is not a library crate: it needs a src/lib.rs", dir)
}
