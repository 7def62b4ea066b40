package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
)

// The share of a comparison's rounds and slices that each DM gets.
const perDM = 3

// benchDMs measures what each DM does to the latency and the rate of a
// microservice, called on its own kernel, beside the same one without a DM. Three
// kernels are there for those that need them.
func benchDMs(ctx context.Context, w *world) error {
	if _, err := w.child("-role", "kernel", "-id", "k3", "-oms", w.oms.Addr(), "-data", filepath.Join(w.dir, "k3")); err != nil {
		return err
	}
	if err := w.deploy(ctx, counterWasm, "bare", "k1"); err != nil {
		return err
	}
	defer shorter()()
	heading("One DM each, against none: counter.get (readonly) and counter.add, C guest, calls from its kernel")
	fmt.Printf("  %-26s %12s %12s   %-16s %-16s\n", "", "get", "add", fmt.Sprintf("get, %d callers", many), fmt.Sprintf("add, %d callers", many))
	for _, name := range dms.Names() {
		if strings.HasPrefix(name, "Idle") {
			continue
		}
		if err := benchDM(ctx, w, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// shorter makes rounds shorter until the func that it returns is called.
func shorter() (restore func()) {
	n, d := *rounds, *slice
	*rounds, *slice = max(1, n/perDM), d/perDM
	return func() { *rounds, *slice = n, d }
}

// benchDM prints one DM's row.
func benchDM(ctx context.Context, w *world, name string) error {
	service := strings.ToLower("dm-" + name)
	err := w.deployWhere(ctx, counterWasm, service, alone("k1"), name)
	if errors.Is(err, abi.ErrPlacement) { // it needs more than one kernel
		err = w.deployWhere(ctx, counterWasm, service, nil, name)
	}
	if err != nil {
		fmt.Printf("  %-26s not here: %v\n", name, err)
		return nil
	}
	row := fmt.Sprintf("  %-26s", name)
	for _, callers := range []int{1, many} {
		for _, method := range []string{"get", "add"} {
			cell, err := w.against(ctx, service, method, callers)
			if err != nil {
				return err
			}
			row += cell
		}
	}
	fmt.Println(row)
	return w.client.Delete(ctx, service)
}

// against measures a method of a microservice beside the same without a DM.
func (w *world) against(ctx context.Context, service, method string, callers int) (string, error) {
	args := mustArgs()
	if method == "add" {
		args = mustArgs(1)
	}
	call := func(name string) subject {
		return subject{name, func(int) error {
			_, err := w.k1.Call(ctx, name, method, args)
			return err
		}}
	}
	if refused := call(service).call(0); refused != nil {
		return fmt.Sprintf(" %12s", abi.CodeOf(refused)), nil // by the DM: Immutable takes no writes
	}
	rs, err := compare(callers, []subject{call("bare"), call(service)})
	switch {
	case err != nil && abi.CodeOf(err) == abi.Overloaded: // also by the DM
		return fmt.Sprintf("  %-16s", "overloaded"), nil
	case err != nil:
		return "", err
	case callers == 1:
		return fmt.Sprintf(" %6.1f us x%-3.0f", float64(latency(rs[1]).Nanoseconds())/1e3, latencyRatio(rs[1], rs[0])), nil
	}
	return fmt.Sprintf("  %6.0f/s x%-7.3f", rate(rs[1]), rateRatio(rs[1], rs[0])), nil
}
