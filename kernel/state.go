package kernel

import (
	"context"

	"amino.run/dms"
	"amino.run/host"
)

// capture returns the state. The turn is held. Unless the guest is exact, traces of
// calls that only read may be in it, or not.
func (x *guest) capture() (*host.Image, error) {
	if x.lastVers != x.version.Load() {
		if err := x.take(); err != nil {
			return nil, err
		}
	}
	return x.last, nil
}

// replace puts a marshalled image in place of the state.
func (x *guest) replace(ctx context.Context, image []byte, version uint64) error {
	img, err := host.ParseImage(image)
	if err != nil {
		return err
	}
	return x.become(ctx, img, max(x.version.Load(), version)+1)
}

// become makes the state that of an image, with a version. The turn is held.
func (x *guest) become(ctx context.Context, img *host.Image, version uint64) error {
	x.stale = true
	if err := x.inst.Restore(ctx, img); err != nil {
		return err
	}
	x.version.Store(version)
	x.last, x.lastVers = img, version
	if x.since != nil {
		x.since.reset()
	}
	return nil
}

// snapshot returns the state between two calls.
func (x *guest) snapshot(ctx context.Context) (dms.Snapshot, error) {
	img, version, err := x.image(ctx)
	if err != nil {
		return dms.Snapshot{}, err
	}
	return dms.Snapshot{Version: version, Image: img.Marshal()}, nil // an image never changes
}

// image returns the state between two calls.
func (x *guest) image(ctx context.Context) (*host.Image, uint64, error) {
	if err := x.turn.lock(ctx, 0, false); err != nil {
		return nil, 0, err
	}
	return x.now()
}

// put puts an image in place of the state, with its version.
func (x *guest) put(ctx context.Context, img *host.Image, version uint64) error {
	if err := x.turn.lock(ctx, 0, false); err != nil {
		return err
	}
	defer x.turn.unlock()
	return x.become(ctx, img, version)
}

// now captures the state and gives the turn up.
func (x *guest) now() (*host.Image, uint64, error) {
	defer x.turn.unlock()
	img, err := x.capture()
	return img, x.version.Load(), err
}

// trim captures the state if there were calls since the last capture.
func (x *guest) trim() error {
	if x.since == nil || x.since.n == 0 && !x.since.gap {
		return nil
	}
	return x.take()
}

// take captures the state to go back to it.
func (x *guest) take() error {
	img, err := x.inst.Snapshot()
	if err != nil {
		return err
	}
	x.last, x.lastVers = img, x.version.Load()
	if x.since != nil {
		x.since.reset()
	}
	return nil
}
