package wasmdm

import (
	"context"
	"slices"
	"strings"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A DM is a deployment manager of a Type with its configuration.
type DM struct {
	t        *Type
	settings []setting
	fields   []dms.Field // that set them
}

var (
	_ dms.Loaded      = (*DM)(nil)
	_ dms.Validator   = (*DM)(nil)
	_ dms.Concerned   = (*DM)(nil)
	_ dms.Proxier     = (*DM)(nil)
	_ dms.Instancer   = (*DM)(nil)
	_ dms.Coordinated = (*DM)(nil)
)

// New returns a DM that is not configured yet.
func (t *Type) New() *DM {
	d := &DM{t: t}
	if c := t.manifest.Constructor; c != nil {
		for _, p := range c.Params {
			s, _ := newSetting(p) // NewType has checked it
			d.settings = append(d.settings, s)
			d.fields = append(d.fields, dms.NewField(s.name, t.doc(s.name), s.value))
		}
	}
	return d
}

// Name implements dms.Loaded.
func (d *DM) Name() string { return d.t.name }

// Fields implements dms.Loaded.
func (d *DM) Fields() []dms.Field { return d.fields }

// Doc returns what the module says of itself.
func (d *DM) Doc() string { return d.t.manifest.Doc }

// args returns the arguments of the constructor.
func (d *DM) args() ([]byte, error) {
	values := make([]any, len(d.settings))
	for i, s := range d.settings {
		values[i] = s.value
	}
	return abi.Args(values...)
}

// Validate implements dms.Validator: the constructor may refuse the configuration.
func (d *DM) Validate() error {
	ctx, cancel := context.WithTimeout(context.Background(), upcallTime)
	defer cancel()
	x, err := (&pool{dm: d}).prototype(ctx)
	if err == nil {
		x.close()
	}
	return err
}

// Concerns implements dms.Concerned.
func (d *DM) Concerns() dms.Concerns { return d.t.concerns }

// Proxy implements dms.Proxier.
func (d *DM) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	w := &world{Part: c, caller: c, next: next}
	return newPool(d, c).manage(w, "proxy", next)
}

// Instance implements dms.Instancer.
func (d *DM) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	p, w := newPool(d, c), &world{Part: c, callee: c, next: next}
	if d.t.has("instance_recover") {
		c.OnRecover(func(ctx context.Context) error {
			_, err := p.upcall(ctx, w, "instance_recover")
			return err
		})
	}
	return p.manage(w, "instance", next)
}

// Coordinator implements dms.Coordinated.
func (d *DM) Coordinator(g dms.Group) {
	p, w := newPool(d, g), &world{Part: g, group: g}
	if d.t.has("coordinator_created") {
		g.OnCreate(func(ctx context.Context) error {
			_, err := p.upcall(ctx, w, "coordinator_created")
			return err
		})
	}
	if d.t.has("coordinator_failed") {
		g.OnFailure(func(ctx context.Context, lost dms.Replica) error {
			_, err := p.upcall(ctx, w, "coordinator_failed", viewReplica(lost))
			return err
		})
	}
	if d.t.has("coordinator_allows") {
		g.Allow(func(n dms.Node) bool { return p.allows(w, n) })
	}
	p.manage(w, "coordinator", nil)
}

// allows asks whether a node is allowed. A DM that cannot say does not allow it.
func (p *pool) allows(w *world, n dms.Node) (ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), upcallTime)
	defer cancel()
	out, err := p.upcall(ctx, w, "coordinator_allows", viewNode(n))
	return err == nil && abi.Decode(out, &ok) == nil && ok
}

// manage gives a part what every part may have and returns its handler: next, if
// the DM has no method for the part's calls.
func (p *pool) manage(w *world, part string, next dms.Handler) dms.Handler {
	t := p.dm.t
	w.cells = &cells{all: map[string][]byte{}}
	if t.hasPart(part) {
		w.Keep("cells", w.cells)
	}
	if t.has(part + "_changed") {
		w.OnMembershipChange(func(ctx context.Context) { p.tell(ctx, w, part+"_changed") })
	}
	if t.has(part + "_tick") {
		w.Every(p.period(), func(ctx context.Context) { p.tell(ctx, w, part+"_tick") })
	}
	if t.has(part + "_answer") {
		dms.Answer(w.Part, func(ctx context.Context, from dms.Peer, m message) ([]byte, error) {
			return bytesOf(p.upcall(ctx, w, part+"_answer", string(from), m.Body))
		})
	}
	if !t.has(part) {
		return next
	}
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		of := *w
		of.call = &call
		return bytesOf(p.upcall(ctx, &of, part, viewCall(call)))
	}
}

// tell makes an upcall that no one waits for. If it fails, the next may do better.
func (p *pool) tell(ctx context.Context, w *world, method string) {
	ctx, cancel := context.WithTimeout(ctx, upcallTime)
	defer cancel()
	_, _ = p.upcall(ctx, w, method)
}

// bytesOf returns the bytes that an upcall answered.
func bytesOf(out []byte, err error) (b []byte, _ error) {
	if err != nil {
		return nil, err
	}
	return b, abi.Decode(out, &b)
}

// period returns the time from one tick to the next: what the DM says, or a second.
func (p *pool) period() time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), upcallTime)
	defer cancel()
	ms := 0
	if p.dm.t.has("period") {
		if out, err := p.upcall(ctx, &world{}, "period"); err == nil {
			_ = abi.Decode(out, &ms) // or it stays 0
		}
	}
	if ms <= 0 {
		return time.Second
	}
	return time.Duration(ms) * time.Millisecond
}

// hasPart reports whether the DM has any upcall of a part.
func (t *Type) hasPart(part string) bool {
	return slices.ContainsFunc(t.manifest.Methods, func(m abi.MethodType) bool {
		return m.Name == part || strings.HasPrefix(m.Name, part+"_")
	})
}
