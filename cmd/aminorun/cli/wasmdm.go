package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"amino.run/abi"
	"amino.run/host"
	"amino.run/kernel/client"
	"amino.run/kernel/wasmdm"
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

// explainWasmDM says what a DM in a file is. It needs no cluster.
func (a *app) explainWasmDM(ctx context.Context, path string) (err error) {
	wasm, err := os.ReadFile(path)
	if err != nil {
		return abi.Errorf(abi.NotFound, "the deployment manager cannot be read: %v", err)
	}
	var stop stops
	defer func() { err = errors.Join(err, stop.run()) }()
	engine := func() (host.Engine, error) { return newEngine(ctx, cacheDir(), &stop) }
	read := func(context.Context, string) ([]byte, error) { return wasm, nil }
	sum := sha256.Sum256(wasm)
	dm, err := wasmdm.Loader(ctx, wasmdm.Compile(engine, read))(hex.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	doc := dm.(*wasmdm.DM).Doc()
	return a.printDM(dmView{Name: dm.Name(), Summary: doc, Doc: doc, Fields: viewFields(dm.Fields())})
}

var digests = regexp.MustCompile(`@[0-9a-f]{64}`)

// shortDMs returns a chain as a person wants to see it: digests are cut.
func shortDMs(specs []string) string {
	return digests.ReplaceAllStringFunc(strings.Join(specs, " "), func(s string) string { return "@" + short(s[1:]) })
}
