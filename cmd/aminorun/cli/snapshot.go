package cli

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/internal/fsutil"
	"amino.run/kernel/client"
)

func (a *app) snapshotCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "snapshot NAME -o FILE",
		Short: "Write a microservice's whole state, and its module, to a file",
		Long: `Writes a file from which the microservice can be restored, in this cluster or another:
its state between two calls, its module, and how it is deployed.`,
		Example: "  aminorun snapshot counter -o counter.snap",
		Args:    exactly(1, "one microservice"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o names the file to write")
			}
			ctx := cmd.Context()
			return a.withClient(ctx, func(c *client.Client) error {
				g, err := c.Lookup(ctx, args[0])
				if err != nil {
					return err
				}
				s, err := c.Snapshot(ctx, g.ID)
				if err != nil {
					return err
				}
				wasm, err := c.GetModule(ctx, g.Spec.Module)
				if err != nil {
					return err
				}
				b, err := packSnapshot(g.Spec, s, wasm)
				if err != nil {
					return err
				}
				if err := fsutil.WriteFile(out, b); err != nil {
					return abi.Errorf(abi.Storage, "the snapshot was not written: %v", err)
				}
				v := map[string]any{"name": g.Name, "file": out, "bytes": len(b), "version": s.Version}
				return a.print(v, func(t *table) {
					t.row("NAME", "FILE", "SIZE", "VERSION")
					t.row(g.Name, out, formatBytes(uint64(len(b))), s.Version)
				})
			})
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write (required)")
	return cmd
}

// Entries of a snapshot file, which is a zip archive.
const (
	entrySpec   = "spec.json"
	entryImage  = "image"
	entryModule = "module.wasm"
)

// packSnapshot returns a snapshot file.
func packSnapshot(spec api.Spec, s client.Snapshot, wasm []byte) ([]byte, error) {
	doc, err := json.MarshalIndent(struct {
		Spec    api.Spec
		Version uint64
	}{spec, s.Version}, "", "  ")
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range []struct {
		name   string
		method uint16
		body   []byte
	}{{entrySpec, zip.Deflate, doc}, {entryImage, zip.Store, s.Image}, {entryModule, zip.Deflate, wasm}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(e.body); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// maxEntry bounds what is read of one entry of a snapshot file, in bytes.
const maxEntry = 5 << 30

// unpackSnapshot reads what packSnapshot wrote. The archive's checksums cover
// every entry.
func unpackSnapshot(path string) (spec api.Spec, s client.Snapshot, wasm []byte, err error) {
	z, err := zip.OpenReader(path)
	if errors.Is(err, os.ErrNotExist) {
		return spec, s, nil, abi.Errorf(abi.NotFound, "no snapshot file %s", path)
	}
	if err != nil {
		return spec, s, nil, abi.Errorf(abi.Refused, "%s is not a snapshot file of aminorun, or is damaged: %v", path, err)
	}
	defer z.Close()
	read := func(name string) (b []byte) {
		if err != nil {
			return nil
		}
		f, openErr := z.Open(name)
		if openErr != nil {
			err = openErr
			return nil
		}
		defer f.Close()
		b, err = io.ReadAll(io.LimitReader(f, maxEntry))
		return b
	}
	doc, image, wasm := read(entrySpec), read(entryImage), read(entryModule)
	var d struct {
		Spec    api.Spec
		Version uint64
	}
	if err == nil {
		err = json.Unmarshal(doc, &d)
	}
	if err != nil {
		return spec, s, nil, abi.Errorf(abi.Refused, "%s is damaged: %v", path, err)
	}
	return d.Spec, client.Snapshot{Module: d.Spec.Module, Version: d.Version, Image: image}, wasm, nil
}

func (a *app) restoreCmd() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:     "restore FILE --name NAME",
		Short:   "Start a microservice with the state in a snapshot file",
		Example: "  aminorun restore counter.snap --name counter-copy",
		Args:    exactly(1, "one snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.name == "" {
				return usagef("--name names the microservice to start")
			}
			spec, s, wasm, err := unpackSnapshot(args[0])
			if err != nil {
				return err
			}
			spec.Name = f.name
			if cmd.Flags().Changed("dm") {
				spec.DMs = f.dms
			}
			ctx := cmd.Context()
			return a.withClient(ctx, func(c *client.Client) error {
				a.progress("sending %s", args[0])
				m, err := c.PutModule(ctx, wasm)
				if err != nil {
					return err
				}
				if m.Digest != spec.Module {
					return abi.Errorf(abi.Refused, "%s is damaged: its module is %s, its spec says %s", args[0], short(m.Digest), short(spec.Module))
				}
				g, err := c.Deploy(ctx, spec, &s)
				if err != nil {
					return fmt.Errorf("restore %s: %w", args[0], err)
				}
				return a.printGroup(g)
			})
		},
	}
	cmd.Flags().StringVar(&f.name, "name", "", "name of the microservice (required)")
	cmd.Flags().StringArrayVar(&f.dms, "dm", nil, "another chain than the one in the file; repeat")
	return cmd
}
