package wazero

import (
	"bytes"
	"context"

	"amino.run/abi"
	"amino.run/host"
)

// A view implements host.View: an instance whose memory is copied or mapped from
// another's.
type view struct {
	*instance
	of *instance
}

var _ host.View = (*view)(nil)

// View implements host.Instance.
func (i *instance) View(ctx context.Context) (host.View, error) {
	v := &view{of: i, instance: newInstance(i.module, i.env, i.pages, i.budget, i.used)}
	if err := v.Refresh(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// Refresh implements host.View.
func (v *view) Refresh(ctx context.Context) error {
	if err := v.of.ready(); err != nil {
		return err
	}
	defer v.of.mu.Unlock()
	if err := v.lock(); err != nil {
		return err
	}
	defer v.mu.Unlock()
	v.failed.Store(true) // until it is done
	if err := v.show(ctx); err != nil {
		return abi.Errorf(abi.Internal, "the state cannot be shown to a call that only reads: %v", err)
	}
	for k, g := range v.globals {
		g.Set(v.of.globals[k].Get())
	}
	v.clock.zero.Store(v.of.clock.zero.Load())
	v.failed.Store(false)
	return nil
}

// copied is the size of memory up to which a view copies it, in bytes. To map it
// takes a few microseconds for each page that the view then touches, whatever the size is.
const copied = 8 << 20

// show makes the memory that of the instance.
func (v *view) show(ctx context.Context) error {
	base := v.of.bytes()
	var from *file
	if len(base) > copied {
		var err error
		if from, err = v.of.mem.share(); err != nil {
			return err
		}
	}
	if !v.fits(uint64(len(base)), from) {
		if err := v.rebuild(ctx, uint64(len(base)), from); err != nil {
			return err
		}
	}
	if from != nil {
		return v.mem.forget()
	}
	update(v.bytes(), base)
	return nil
}

// fits reports whether the memory has the size, and is mapped from the file, that it
// is to have.
func (v *view) fits(size uint64, from *file) bool {
	if v.mod == nil || v.mem.view != from {
		return false
	}
	have := uint64(len(v.bytes()))
	if have < size {
		v.mod.Memory().Grow(uint32((size - have) / host.PageSize))
	}
	return uint64(len(v.bytes())) == size
}

// rebuild makes a new engine instance for the view.
func (v *view) rebuild(ctx context.Context, size uint64, from *file) error {
	old := v.mod
	v.alloc, v.invoke = nil, nil
	mem := &memory{limit: uint64(v.pages) * host.PageSize, first: size, size: &v.size, view: from}
	if err := v.instantiate(ctx, mem); err != nil || old == nil {
		return err
	}
	return old.Close(ctx)
}

// update makes mem equal to base, which is as large. What is equal is not written to.
func update(mem, base []byte) {
	const block = 4 << 10
	for ; len(mem) > 0; mem, base = mem[block:], base[block:] {
		if !bytes.Equal(mem[:block], base[:block]) {
			copy(mem[:block], base)
		}
	}
}

// Close implements host.View.
func (v *view) Close(ctx context.Context) error {
	if v.mod == nil {
		return nil
	}
	return v.instance.Close(ctx)
}
