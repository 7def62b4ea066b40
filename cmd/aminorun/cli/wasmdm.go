package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"amino.run/abi"
	"amino.run/kernel/client"
)

// wasmDM splits the text form of a DM that is named by its module's path,
// "./retry.wasm(timeout_ms=500)".
func wasmDM(spec string) (path, fields string, ok bool) {
	path, fields, _ = strings.Cut(strings.TrimSpace(spec), "(")
	if !strings.HasSuffix(path, ".wasm") {
		return "", "", false
	}
	if fields != "" {
		fields = "(" + fields
	}
	return path, fields, true
}

// sendDMs stores the DMs of a chain that are named by their modules' paths,
// relative to dir, and returns the chain as the OMS knows it.
func (a *app) sendDMs(ctx context.Context, c *client.Client, dir string, specs []string) ([]string, error) {
	if specs == nil {
		return nil, nil
	}
	sent := make([]string, len(specs))
	for i, spec := range specs {
		path, fields, ok := wasmDM(spec)
		if !ok {
			sent[i] = spec
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		name, err := a.sendDM(ctx, c, path)
		if err != nil {
			return nil, err
		}
		sent[i] = name + fields
	}
	return sent, nil
}

// sendDM stores a DM and returns the name by which chains refer to it.
func (a *app) sendDM(ctx context.Context, c *client.Client, path string) (string, error) {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return "", abi.Errorf(abi.NotFound, "the deployment manager cannot be read: %v", err)
	}
	a.progress("sending %s (%s)", filepath.Base(path), formatBytes(uint64(len(wasm))))
	m, err := c.PutModule(ctx, wasm)
	if err != nil {
		return "", err
	}
	manifest, err := abi.ParseManifest(m.Manifest)
	if err != nil {
		return "", err
	}
	return manifest.Name + "@" + m.Digest, nil
}

var digests = regexp.MustCompile(`@[0-9a-f]{64}`)

// shortDMs returns a chain as a person wants to see it: digests are cut.
func shortDMs(specs []string) string {
	return digests.ReplaceAllStringFunc(strings.Join(specs, " "), func(s string) string { return "@" + short(s[1:]) })
}
