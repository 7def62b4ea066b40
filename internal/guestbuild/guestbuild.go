// Package guestbuild builds guests written in Go, for tests and for the command.
// Guests in other languages are committed beside their source; tests find them
// with Prebuilt.
package guestbuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// flags make a reactor that is the same wherever it is built.
var flags = []string{"-buildmode=c-shared", "-trimpath", "-ldflags=-s -w"}

// keep is how long an unused module stays in the cache.
const keep = 7 * 24 * time.Hour

// A TB is the part of testing.TB that tests hand in; the command does without
// package testing.
type TB interface {
	Helper()
	Fatal(args ...any)
	Logf(format string, args ...any)
}

var built sync.Map // directory to func() (string, error)

// Go returns the path of the module that the Go package in dir is compiled to.
// It is built at most once for each content of the files that it is made of. The
// test fails if it does not compile.
func Go(t TB, dir string) string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	once, _ := built.LoadOrStore(dir, sync.OnceValues(func() (string, error) { return Build(dir) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Root returns the root of this repository, for tests that run anywhere in it.
func Root(t TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "abi", "ABI.md")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatal("not inside the repository: there is no abi/ABI.md above", dir, err)
	return ""
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil { // no HOME
		dir = os.TempDir()
	}
	return filepath.Join(dir, "amino.run", "guests")
}

// Build compiles the Go package in dir and returns the path of the module, which
// is in a cache: copy it. The error holds what the compiler says.
func Build(dir string) (string, error) { return build(dir, cacheDir()) }

// build compiles the package in dir into cache, unless it is there.
func build(dir, cache string) (string, error) {
	key, err := fingerprint(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, key+".wasm")
	now := time.Now()
	if os.Chtimes(path, now, now) == nil {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	temp, err := os.CreateTemp(cache, "build-*")
	if err != nil {
		return "", err
	}
	temp.Close()
	defer os.Remove(temp.Name())
	if _, err := goTool(dir, append(append([]string{"build"}, flags...), "-o", temp.Name(), ".")...); err != nil {
		return "", err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return "", err
	}
	prune(cache, now.Add(-keep))
	return path, nil
}

// fingerprint hashes what a module is made of: the compiler, the flags, and
// every file outside the standard library.
func fingerprint(dir string) (string, error) {
	const format = `{{if not .Standard}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}
{{end}}{{end}}`
	files, err := goTool(dir, "list", "-deps", "-f", format, ".")
	if err != nil {
		return "", err
	}
	version, err := goTool(dir, "version")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s%s\n", version, flags)
	for file := range strings.Lines(string(files)) {
		if file = strings.TrimSpace(file); file == "" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(file))
		_, err = io.Copy(sum, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

func goTool(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, problem.Bytes())
	}
	return out.Bytes(), nil
}

// prune removes what has not been used since the given time. What it cannot
// remove stays: the cache is only larger then.
func prune(cache string, since time.Time) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(since) {
			os.Remove(filepath.Join(cache, e.Name()))
		}
	}
}
