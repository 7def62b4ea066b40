package dms

import (
	"fmt"
	"maps"
	"slices"
)

// Check reports why a chain makes no sense: a DM that is not valid or there twice,
// two owners of a verb or of a trait, a DM that minds another, an order in which
// one would see no call. It goes by what the DMs say of themselves ([Concerned]).
// The error is of code abi.Refused and, where another order would do, ends with
// the chain to write.
func Check(chain Chain) error {
	for i, dm := range chain {
		if err := validate(dm); err != nil {
			return refused("%s: %v", title(dm), err)
		}
		for _, before := range chain[:i] {
			if err := together(before, dm); err != nil {
				return err
			}
		}
	}
	for i, dm := range chain {
		for _, before := range chain[:i] {
			if why := precedes(dm, before); why != "" {
				return refused("%s must come before %s: %s%s", title(dm), title(before), why, instead(chain))
			}
		}
	}
	return nil
}

// together returns why a and b cannot be in one chain, in whatever order.
func together(a, b DM) error {
	if NameOf(a) == NameOf(b) {
		return refused("%s is in the chain twice; take one of them away", title(a))
	}
	ca, cb := concernsOf(a), concernsOf(b)
	for _, v := range ca.Verbs {
		if slices.Contains(cb.Verbs, v) {
			return refused("%s and %s cannot be in one chain: both answer the verb %s", title(a), title(b), v)
		}
	}
	if t, ok := both(ca, cb); ok && !shards(a) && !shards(b) {
		return refused("%s and %s cannot be in one chain: both %s", title(a), title(b), t)
	}
	why := minds(ca, cb)
	if why == "" {
		a, b, why = b, a, minds(cb, ca)
	}
	if why != "" {
		return refused("%s and %s cannot be in one chain: %s", title(a), title(b), why)
	}
	return nil
}

// both returns a trait that two DMs own.
func both(a, b Concerns) (Trait, bool) {
	i := slices.IndexFunc(a.Owns, func(t Trait) bool { return slices.Contains(b.Owns, t) })
	if i < 0 {
		return "", false
	}
	return a.Owns[i], true
}

// minds returns why a minds b wherever it stands. What a DM that shards does is not
// minded after it: there is one member of it there.
func minds(a, b Concerns) string {
	if has(b, Shards) {
		return ""
	}
	return first(a.Minds, b)
}

// precedes returns why a must come before b in a chain, "" if it need not.
func precedes(a, b DM) string {
	ca, cb := concernsOf(a), concernsOf(b)
	if why := first(ca.Before, cb); why != "" {
		return why
	}
	if shards(a) && !shards(b) {
		if t, ok := both(ca, cb); ok {
			return fmt.Sprintf("both %s, and %s can do so for each member of %s", t, title(b), title(a))
		}
		if why := first(cb.Minds, ca); why != "" {
			return fmt.Sprintf("%s; but not for each member of %s", why, title(a))
		}
	}
	sees := "none"
	if !has(cb, AtCallers) {
		if !has(cb, ReadsAtCallers) {
			return ""
		}
		sees = "only those that may write"
	}
	switch a.(type) {
	case Proxier, Instancer:
		return fmt.Sprintf("%s runs calls beside their callers, and a DM after it sees %s", title(b), sees)
	}
	return ""
}

// first returns what reasons says of the first trait, by its text, that c has.
func first(reasons map[Trait]string, c Concerns) string {
	for _, t := range slices.Sorted(maps.Keys(reasons)) {
		if has(c, t) {
			return reasons[t]
		}
	}
	return ""
}

func has(c Concerns, t Trait) bool { return slices.Contains(c.Owns, t) || slices.Contains(c.Has, t) }

// instead returns the advice to write the chain in an order that Check accepts.
func instead(chain Chain) string {
	rest, ordered := slices.Clone(chain), Chain{}
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(dm DM) bool {
			return !slices.ContainsFunc(rest, func(other DM) bool { return other != dm && precedes(other, dm) != "" })
		})
		if next < 0 { // each must come before the other
			return "; no order of the two would do"
		}
		ordered = append(ordered, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return "; write " + ordered.String()
}
