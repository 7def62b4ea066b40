package dmtest

import (
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
// shows that the chain breaks its promises: a checker that never failed proves nothing.
func Caught(t *testing.T, p Promises, scenarios ...Scenario) {
	t.Helper()
	if scenarios == nil {
		scenarios = Scenarios()
	}
	for seed := range 4 * seeds {
		for _, s := range scenarios {
			if broken := p.Try(t, s, seed); len(broken) > 0 {
				t.Logf("%s: %s", s.Name, broken[0])
				return
			}
		}
	}
	t.Error("the suite does not see what is wrong with this chain")
}
