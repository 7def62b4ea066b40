package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"amino.run/abi"
	"amino.run/cmd/aminorun/compile"
	"amino.run/internal/api"
	"amino.run/kernel/client"
)

func (a *app) deployCmd() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy MODULE.wasm|SCRIPT|SPEC.yaml",
		Short: "Deploy a module, a script, or what a document describes, as a microservice",
		Example: `  aminorun deploy counter.wasm
  aminorun deploy counter.js
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
	name, args, on, memory, timeout, rollback string
	dms, config                               []string
	noDM                                      bool
	fuel                                      uint64
	cmd                                       *cobra.Command
}

func (f *deployFlags) add(cmd *cobra.Command) {
	f.cmd = cmd
	cmd.Flags().StringVar(&f.name, "name", "", "name of the microservice (default: the module's)")
	cmd.Flags().StringVar(&f.args, "args", "", "arguments of the constructor, a JSON array")
	cmd.Flags().StringArrayVar(&f.dms, "dm", nil, "a deployment manager, or the path of one in Wasm; repeat for a chain, nearest the application first (default: the module's)")
	cmd.Flags().BoolVar(&f.noDM, "no-dm", false, "no deployment manager, though the module names some")
	cmd.Flags().StringArrayVar(&f.config, "config", nil, "key=value for the microservice; repeat")
	cmd.Flags().StringVar(&f.on, "on", "", "kernels that may host it: 'region=eu,tier in (cloud,edge);gpu'")
	cmd.Flags().StringVar(&f.memory, "memory", "", "most memory it may have, such as 64MiB")
	cmd.Flags().Uint64Var(&f.fuel, "fuel", 0, "most loop turns and calls in one call (0: no limit)")
	cmd.Flags().StringVar(&f.timeout, "timeout", "", "longest time for a call that has no deadline, such as 5s")
	cmd.Flags().StringVar(&f.rollback, "rollback", "", "where a call that fails half-way goes back to: call (before it, the default) or snapshot (the last one; saves 0.15 us a call)")
}

// read returns the deployment that the file at path describes, with the flags set
// over it. A module is a document that names only itself.
func (f *deployFlags) read(path string) (*deployment, error) {
	d := &deployment{module: path}
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		doc, err := readDocument(path)
		if err != nil {
			return nil, err
		}
		if d, err = doc.deployment(); err != nil {
			return nil, abi.Errorf(abi.CodeOf(err), "%s: %v", path, err)
		}
		d.dir = filepath.Dir(path)
	}
	if err := f.set(d); err != nil {
		return nil, &usageError{err}
	}
	return d, nil
}

// set puts the flags that were given over what a document says.
func (f *deployFlags) set(d *deployment) (err error) {
	given := f.cmd.Flags().Changed
	if given("name") {
		d.spec.Name = f.name
	}
	if given("args") {
		if err := json.Unmarshal([]byte(f.args), &d.args); err != nil {
			return fmt.Errorf("--args wants a JSON array such as '[5, \"x\"]', not %s", f.args)
		}
	}
	switch {
	case f.noDM && given("dm"):
		return fmt.Errorf("--no-dm and --dm %s exclude each other", f.dms[0])
	case f.noDM:
		d.spec.DMs = []string{}
	case given("dm"):
		d.spec.DMs = f.dms
	}
	if given("fuel") {
		d.spec.Fuel = f.fuel
	}
	if given("rollback") {
		d.spec.Rollback = f.rollback
	}
	for _, kv := range f.config {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return fmt.Errorf("--config wants key=value, not %q", kv)
		}
		if d.spec.Config == nil {
			d.spec.Config = map[string]string{}
		}
		d.spec.Config[k] = v
	}
	if given("memory") {
		if d.spec.Memory, err = parseBytes(f.memory); err != nil {
			return fmt.Errorf("--memory: %w", err)
		}
	}
	if given("timeout") {
		if d.spec.Timeout, err = parseTimeout(f.timeout); err != nil {
			return fmt.Errorf("--timeout: %w", err)
		}
	}
	if given("on") {
		if d.spec.Selector, err = api.ParseSelector(f.on); err != nil {
			return fmt.Errorf("--on: %w", err)
		}
	}
	return nil
}

// A deployment is what to deploy. What only the module can tell, its digest and
// what its constructor's arguments are, is not in the spec yet.
type deployment struct {
	module string // path
	dir    string // that paths of DMs are relative to
	args   []json.RawMessage
	spec   api.Spec
}

// deploy stores a deployment's module and deploys it.
func (a *app) deploy(ctx context.Context, c *client.Client, d *deployment) (client.Group, error) {
	wasm, err := a.readModule(ctx, d.module)
	if err != nil {
		return client.Group{}, err
	}
	a.progress("sending %s (%s); a module that is new is checked and compiled", filepath.Base(d.module), formatBytes(uint64(len(wasm))))
	m, err := c.PutModule(ctx, wasm)
	if err != nil {
		return client.Group{}, err
	}
	manifest, err := abi.ParseManifest(m.Manifest)
	if err != nil {
		return client.Group{}, err
	}
	spec := d.spec
	spec.Module = m.Digest
	if spec.DMs, err = a.sendDMs(ctx, c, d.dir, spec.DMs); err != nil {
		return client.Group{}, err
	}
	if spec.Name == "" {
		spec.Name = manifest.Name
	}
	constructor := manifest.Constructor
	if constructor == nil {
		constructor = &abi.MethodType{}
	}
	if spec.Args, err = constructor.ConvertJSON(d.args); err != nil {
		return client.Group{}, err
	}
	a.progress("starting %s", spec.Name)
	return c.Deploy(ctx, spec, nil)
}

// readModule returns the module at path, or that of the script.
func (a *app) readModule(ctx context.Context, path string) ([]byte, error) {
	if compile.ScriptLanguage(path) != "" {
		return a.compileScript(ctx, path)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, abi.Errorf(abi.NotFound, "the module cannot be read: %v", err)
	}
	return wasm, nil
}

// printGroup says what a microservice is and where.
func (a *app) printGroup(g client.Group) error {
	v := viewGroup(g)
	return a.print(v, func(t *table) {
		t.row("NAME", "ID", "KERNELS", "DMS")
		t.row(v.Name, v.ID, strings.Join(v.Kernels, ","), shortDMs(v.DMs))
	})
}
