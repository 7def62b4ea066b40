package dmtest

import (
	"slices"
	"testing"

	"amino.run/dms"
)

// A Mutant is a DM broken on purpose, to prove that the suite would see the fault:
// its parts see the kernel as the funcs distort it. A nil func changes nothing.
type Mutant struct {
	dms.DM
	Caller func(c dms.Caller) dms.Caller
	Callee func(c dms.Callee) dms.Callee
	Group  func(g dms.Group) dms.Group
}

// Proxy implements dms.Proxier.
func (m Mutant) Proxy(c dms.Caller, next dms.Handler) dms.Handler {
	p, ok := m.DM.(dms.Proxier)
	if !ok {
		return next
	}
	if m.Caller != nil {
		c = m.Caller(c)
	}
	return p.Proxy(c, next)
}

// Instance implements dms.Instancer.
func (m Mutant) Instance(c dms.Callee, next dms.Handler) dms.Handler {
	p, ok := m.DM.(dms.Instancer)
	if !ok {
		return next
	}
	if m.Callee != nil {
		c = m.Callee(c)
	}
	return p.Instance(c, next)
}

// Coordinator implements dms.Coordinated.
func (m Mutant) Coordinator(g dms.Group) {
	if p, ok := m.DM.(dms.Coordinated); ok {
		if m.Group != nil {
			g = m.Group(g)
		}
		p.Coordinator(g)
	}
}

// Concerns implements dms.Concerned.
func (m Mutant) Concerns() dms.Concerns {
	if c, ok := m.DM.(dms.Concerned); ok {
		return c.Concerns()
	}
	return dms.Concerns{}
}

// Caught fails the test unless some scenario, one of those given or else of the suite,
// shows that the chain breaks its promises, and not so without its mutants: a checker
// that never failed proves nothing, and neither does one that always fails.
func Caught(t *testing.T, p Promises, scenarios ...Scenario) {
	t.Helper()
	if scenarios == nil {
		scenarios = Scenarios()
	}
	for seed := range 4 * seeds {
		for _, s := range scenarios {
			broken := p.Try(t, s, seed)
			if len(broken) == 0 {
				continue
			}
			t.Logf("%s: %s", s.Name, broken[0])
			if chain, changed := sound(p.DMs); changed {
				p.DMs = chain
				for _, bad := range p.Try(t, s, seed) {
					t.Errorf("%s, with nothing wrong: %s", s.Name, bad)
				}
			}
			return
		}
	}
	t.Error("the suite does not see what is wrong with this chain")
}

// sound returns the chain with its mutants as they were, and whether it has any.
func sound(chain dms.Chain) (_ dms.Chain, changed bool) {
	chain = slices.Clone(chain)
	for i, dm := range chain {
		if m, ok := dm.(Mutant); ok {
			chain[i], changed = m.DM, true
		}
	}
	return chain, changed
}
