package dms_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
)

// tracer notes the calls that pass its parts.
type tracer struct {
	name  string
	verb  dms.Verb
	trace *[]string
}

func (x *tracer) Concerns() dms.Concerns {
	if x.verb == "" {
		return dms.Concerns{}
	}
	return dms.Concerns{Verbs: []dms.Verb{x.verb}}
}

func (x *tracer) Proxy(_ dms.Caller, next dms.Handler) dms.Handler { return x.pass(".proxy", next) }

func (x *tracer) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	h := x.pass(".instance", next)
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		if call.Verb != "" && call.Verb == x.verb {
			return nil, c.Restore(ctx, dms.Snapshot{})
		}
		return h(ctx, call)
	}
}

func (x *tracer) Coordinator(dms.Group) { *x.trace = append(*x.trace, x.name+".coordinator") }

func (x *tracer) pass(part string, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) {
		*x.trace = append(*x.trace, x.name+part)
		return next(ctx, call)
	}
}

// inner is a callee that can restore.
type restorer struct {
	dms.Callee
	inner dms.Handler
}

func (r restorer) Restore(ctx context.Context, s dms.Snapshot) error {
	_, err := r.inner(ctx, dms.Call{Verb: dms.Replace, Args: s.Image})
	return err
}

// ends joins both ends of a chain of tracers.
func ends(chain dms.Chain, trace *[]string) dms.Handler {
	guest := func(_ context.Context, call dms.Call) ([]byte, error) {
		*trace = append(*trace, "guest "+call.Method+string(call.Verb))
		return nil, nil
	}
	wire := chain.Instance(func(_ int, inner dms.Handler) dms.Callee { return restorer{inner: inner} }, guest)
	return chain.Proxy(chain.LevelOf("m1"), func(int, dms.Handler) dms.Caller { return nil }, wire)
}

func TestChainOrder(t *testing.T) {
	var trace []string
	chain := dms.Chain{&tracer{"A", "", &trace}, &tracer{"B", "undo", &trace}, &tracer{"C", "", &trace}}
	h := ends(chain, &trace)
	for _, c := range []struct {
		call dms.Call
		want string
	}{
		{dms.Call{Method: "get"}, "A.proxy B.proxy C.proxy C.instance B.instance A.instance guest get"},
		{dms.Call{Verb: "undo"}, "A.proxy B.proxy C.proxy C.instance A.instance guest replace"},
	} {
		trace = nil
		if _, err := h(t.Context(), c.call); err != nil {
			t.Error(err)
		}
		if got := strings.Join(trace, " "); got != c.want {
			t.Errorf("%s%s passed %s\nwant %s", c.call.Method, c.call.Verb, got, c.want)
		}
	}
	trace = nil
	chain.Coordinate(chain.LevelOf("m1"), func(int) dms.Group { return nil })
	if want := []string{"A.coordinator", "B.coordinator", "C.coordinator"}; !slices.Equal(trace, want) {
		t.Errorf("%v", trace)
	}
}

func TestUnknownVerbs(t *testing.T) {
	var trace []string
	chain := dms.Chain{&tracer{"A", "undo", &trace}, &tracer{"B", "again", &trace}}
	for _, c := range []struct {
		chain dms.Chain
		verb  dms.Verb
		part  string
	}{
		{chain, "fly", "understands again, undo"},
		{chain, dms.Replace, "understands again, undo"}, // it would put any state in
		{nil, "fly", "no deployment manager of the chain [] has verbs"},
		{dms.Chain{&declares{}}, "say", "understands say"}, // declared, and not answered
	} {
		trace = nil
		_, err := ends(c.chain, &trace)(t.Context(), dms.Call{Verb: c.verb})
		if !errors.Is(err, abi.ErrVerb) || !strings.Contains(err.Error(), c.part) || len(trace) > 0 {
			t.Errorf("%s: %v, passed %v", c.verb, err, trace)
		}
		wire := c.chain.Instance(func(int, dms.Handler) dms.Callee { return nil }, nil)
		if _, err := wire(t.Context(), dms.Call{Verb: c.verb}); !errors.Is(err, abi.ErrVerb) {
			t.Errorf("%s from the wire: %v", c.verb, err)
		}
	}
}

type declares struct{}

func (*declares) Coordinator(dms.Group)  {}
func (*declares) Concerns() dms.Concerns { return dms.Concerns{Verbs: []dms.Verb{"say"}} }

// nothing is a DM that does nothing, at both ends.
type nothing struct{}

func (nothing) Proxy(_ dms.Caller, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) { return next(ctx, call) }
}

func (nothing) Instance(_ dms.Callee, next dms.Handler) dms.Handler {
	return func(ctx context.Context, call dms.Call) ([]byte, error) { return next(ctx, call) }
}

// BenchmarkChain says what n DMs that do nothing, at both ends, add to a call; the
// goal is at most 100 ns each.
func BenchmarkChain(b *testing.B) {
	for _, n := range []int{0, 1, 4, 16} {
		chain := make(dms.Chain, n)
		for i := range chain {
			chain[i] = nothing{}
		}
		guest := func(context.Context, dms.Call) ([]byte, error) { return nil, nil }
		wire := chain.Instance(func(int, dms.Handler) dms.Callee { return nil }, guest)
		h := chain.Proxy(chain.LevelOf("m1"), func(int, dms.Handler) dms.Caller { return nil }, wire)
		b.Run("dms="+string(rune('0'+n/10))+string(rune('0'+n%10)), func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			for b.Loop() {
				_, _ = h(ctx, dms.Call{Method: "get"}) // nothing fails
			}
			if n > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/dm")
			}
		})
	}
}
