package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"amino.run/abi"
	"amino.run/host"
)

// benchSnapshot measures a snapshot and its way back by the size of the state,
// beside a plain copy of as many bytes.
func benchSnapshot(ctx context.Context, w *world) error {
	heading("Snapshot and restore by size of state, beside a copy of as many bytes")
	wasm, err := os.ReadFile(echoWasm)
	if err != nil {
		return err
	}
	p, err := host.Prepare(wasm)
	if err != nil {
		return err
	}
	m, err := w.engine.Compile(ctx, p)
	if err != nil {
		return err
	}
	for _, mib := range []int{0, 1, 16, 64} {
		inst, err := m.Instantiate(ctx, host.Config{Env: host.Alone{}}, nil)
		if err != nil {
			return err
		}
		if err := inst.Boot(ctx); err != nil {
			return err
		}
		if mib > 0 {
			if _, err := inst.Invoke(ctx, abi.Method, 0, "grow", mustArgs(mib)); err != nil {
				return err
			}
		}
		if err := benchState(ctx, inst, mib); err != nil {
			return err
		}
		if err := inst.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

func benchState(ctx context.Context, inst host.Instance, mib int) error {
	const times = 9
	from, to := make([]byte, inst.Usage().Memory), make([]byte, inst.Usage().Memory)
	var img *host.Image
	var packed []byte
	steps := []struct {
		name string
		f    func() error
	}{
		{"copy", func() error { copy(to, from); return nil }},
		{"snapshot", func() (err error) { img, err = inst.Snapshot(); return err }},
		{"marshal", func() error { packed = img.Marshal(); return nil }},
		{"parse", func() (err error) { img, err = host.ParseImage(packed); return err }},
		{"restore", func() error { return inst.Restore(ctx, img) }},
	}
	took := make([]time.Duration, len(steps))
	for i, s := range steps {
		d, err := median(times, func() (time.Duration, error) { return timed(s.f) })
		if err != nil {
			return err
		}
		took[i] = d
	}
	fmt.Printf("  %3d MiB more (memory %4.1f MiB)", mib, float64(inst.Usage().Memory)/(1<<20))
	for i, s := range steps {
		fmt.Printf("   %s %v", s.name, took[i].Round(100*time.Nanosecond))
		if i > 0 {
			fmt.Printf(" (x%.1f)", float64(took[i])/float64(took[0]))
		}
	}
	fmt.Printf("   packed %.1f KiB\n", float64(len(packed))/1024)
	return nil
}
