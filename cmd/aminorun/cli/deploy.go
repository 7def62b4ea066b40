package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/kernel/client"
)

func (a *app) deployCmd() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy MODULE.wasm|SPEC.yaml",
		Short: "Deploy a module, or what a document describes, as a microservice",
		Example: `  aminorun deploy counter.wasm
  aminorun deploy counter.wasm --name hits --args '[10]' --dm AtLeastOnceRPC --dm 'LeaseCaching(ttl=10s)'
  aminorun deploy spec.yaml`,
		Args: exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := f.read(args[0])
			if err != nil {
				return err
			}
			return a.withClient(cmd.Context(), func(c *client.Client) error {
				g, err := a.deploy(cmd.Context(), c, d)
				if err != nil {
					return err
				}
				return a.printGroup(g)
			})
		},
	}
	f.add(cmd)
	return cmd
}

// deployFlags are the flags of deploy: each sets one field of a document.
type deployFlags struct {
	name, args, selector, memory, rollback string
	dms, config                            []string
	fuel                                   uint64
	timeout                                string
	cmd                                    *cobra.Command
}

func (f *deployFlags) add(cmd *cobra.Command) {
	f.cmd = cmd
	cmd.Flags().StringVar(&f.name, "name", "", "name of the microservice (default: the module's)")
	cmd.Flags().StringVar(&f.args, "args", "", "arguments of the constructor, a JSON array")
	cmd.Flags().StringArrayVar(&f.dms, "dm", nil, "a deployment manager; repeat for a chain, nearest the application first (default: the module's)")
	cmd.Flags().StringArrayVar(&f.config, "config", nil, "key=value for the microservice; repeat")
	cmd.Flags().StringVar(&f.selector, "on", "", "kernels that may host it: 'region=eu,tier in (cloud,edge);gpu'")
	cmd.Flags().StringVar(&f.memory, "memory", "", "most memory it may have, such as 64MiB")
	cmd.Flags().Uint64Var(&f.fuel, "fuel", 0, "most loop turns and calls in one call (0: no limit)")
	cmd.Flags().StringVar(&f.timeout, "timeout", "", "longest time for a call that has no deadline, such as 5s")
	cmd.Flags().StringVar(&f.rollback, "rollback", "", "where a call that fails half-way goes back to: snapshot (the last one) or call (before it; costs a capture a call)")
}

// read returns the document at path with the flags set over it. A module is a
// document that names only itself.
func (f *deployFlags) read(path string) (*document, error) {
	d := &document{}
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		var err error
		if d, err = readDocument(path); err != nil {
			return nil, err
		}
	default:
		d.Spec.Module = path
	}
	if f.name != "" {
		d.Metadata.Name = f.name
	}
	if f.args != "" {
		if err := json.Unmarshal([]byte(f.args), &d.Spec.Args); err != nil {
			return nil, usagef("--args wants a JSON array such as '[5, \"x\"]': %v", err)
		}
	}
	if f.cmd.Flags().Changed("dm") {
		d.Spec.DMs = &f.dms
	}
	for _, kv := range f.config {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, usagef("--config wants key=value, not %q", kv)
		}
		if d.Spec.Config == nil {
			d.Spec.Config = map[string]string{}
		}
		d.Spec.Config[k] = v
	}
	for _, set := range []struct {
		to   *string
		flag string
	}{{&d.Spec.Memory, f.memory}, {&d.Spec.Timeout, f.timeout}, {&d.Spec.Rollback, f.rollback}} {
		if set.flag != "" {
			*set.to = set.flag
		}
	}
	if f.fuel != 0 {
		d.Spec.Fuel = f.fuel
	}
	if f.selector != "" {
		s, err := api.ParseSelector(f.selector)
		if err != nil {
			return nil, &usageError{err}
		}
		d.selector = s
	}
	return d, nil
}

// deploy stores a document's module and deploys it.
func (a *app) deploy(ctx context.Context, c *client.Client, d *document) (client.Group, error) {
	wasm, err := os.ReadFile(d.Spec.Module)
	if err != nil {
		return client.Group{}, abi.Errorf(abi.NotFound, "the module cannot be read: %v", err)
	}
	a.progress("sending %s (%d KiB); a module that is new is checked and compiled", filepath.Base(d.Spec.Module), len(wasm)>>10)
	m, err := c.PutModule(ctx, wasm)
	if err != nil {
		return client.Group{}, err
	}
	manifest, err := abi.ParseManifest(m.Manifest)
	if err != nil {
		return client.Group{}, err
	}
	spec, err := d.resolve(m.Digest, manifest)
	if err != nil {
		return client.Group{}, err
	}
	a.progress("starting %s", spec.Name)
	return c.Deploy(ctx, spec, nil)
}

// printGroup says what a microservice is and where.
func (a *app) printGroup(g client.Group) error {
	return a.print(viewGroup(g), func(t *table) {
		t.row("NAME", "ID", "KERNELS", "DMS")
		v := viewGroup(g)
		t.row(v.Name, v.ID, strings.Join(v.Kernels, ","), strings.Join(v.DMs, " "))
	})
}
