package dms_test

import (
	"errors"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	_ "amino.run/dms/standard"
)

// The ten, in the order in which a chain could have them.
var ten = []string{
	"KeepInPlace", "KeepInCloud", "AtLeastOnceRPC", "ExplicitMigration", "SerializableRPC",
	"ExplicitCheckpoint", "PeriodicCheckpoint", "LeaseCaching", "Immutable", "LoadBalancedFrontEnd",
}

// together says for each two of the ten, in the order of that list, what Check says:
// "" if both orders are fine, "first" if only the order of the list is, else the
// reason why they cannot be in one chain.
var together = map[[2]string]string{
	{"KeepInPlace", "KeepInCloud"}:          "", // holds if it is created on a cloud node
	{"KeepInPlace", "AtLeastOnceRPC"}:       "",
	{"KeepInPlace", "ExplicitMigration"}:    "could never move it",
	{"KeepInPlace", "SerializableRPC"}:      "",
	{"KeepInPlace", "ExplicitCheckpoint"}:   "",
	{"KeepInPlace", "PeriodicCheckpoint"}:   "",
	{"KeepInPlace", "LeaseCaching"}:         "",
	{"KeepInPlace", "Immutable"}:            "",
	{"KeepInPlace", "LoadBalancedFrontEnd"}: "needs a node for each replica",

	{"KeepInCloud", "AtLeastOnceRPC"}:       "",
	{"KeepInCloud", "ExplicitMigration"}:    "", // moves among cloud nodes
	{"KeepInCloud", "SerializableRPC"}:      "",
	{"KeepInCloud", "ExplicitCheckpoint"}:   "",
	{"KeepInCloud", "PeriodicCheckpoint"}:   "",
	{"KeepInCloud", "LeaseCaching"}:         "",
	{"KeepInCloud", "Immutable"}:            "",
	{"KeepInCloud", "LoadBalancedFrontEnd"}: "",

	{"AtLeastOnceRPC", "ExplicitMigration"}:    "", // before it, migrate is sent again too
	{"AtLeastOnceRPC", "SerializableRPC"}:      "", // one has only a proxy, the other only an instance
	{"AtLeastOnceRPC", "ExplicitCheckpoint"}:   "",
	{"AtLeastOnceRPC", "PeriodicCheckpoint"}:   "",
	{"AtLeastOnceRPC", "LeaseCaching"}:         "first", // sends again what is leased
	{"AtLeastOnceRPC", "Immutable"}:            "first", // sends again a fetch that failed
	{"AtLeastOnceRPC", "LoadBalancedFrontEnd"}: "first", // sends again to another replica

	{"ExplicitMigration", "SerializableRPC"}:      "",
	{"ExplicitMigration", "ExplicitCheckpoint"}:   "",
	{"ExplicitMigration", "PeriodicCheckpoint"}:   "",
	{"ExplicitMigration", "LeaseCaching"}:         "first", // migrate needs no lease
	{"ExplicitMigration", "Immutable"}:            "first",
	{"ExplicitMigration", "LoadBalancedFrontEnd"}: "would not say which",

	{"SerializableRPC", "ExplicitCheckpoint"}:   "",
	{"SerializableRPC", "PeriodicCheckpoint"}:   "",
	{"SerializableRPC", "LeaseCaching"}:         "first", // the holder runs one at a time
	{"SerializableRPC", "Immutable"}:            "promises one call at a time",
	{"SerializableRPC", "LoadBalancedFrontEnd"}: "promises one call at a time",

	{"ExplicitCheckpoint", "PeriodicCheckpoint"}:   "both decide what is left after a failure",
	{"ExplicitCheckpoint", "LeaseCaching"}:         "first", // its verbs run at the replica, under the lease
	{"ExplicitCheckpoint", "Immutable"}:            "nothing to save",
	{"ExplicitCheckpoint", "LoadBalancedFrontEnd"}: "both decide what is left after a failure",

	{"PeriodicCheckpoint", "LeaseCaching"}:         "does not see how they end",
	{"PeriodicCheckpoint", "Immutable"}:            "does not see how they end",
	{"PeriodicCheckpoint", "LoadBalancedFrontEnd"}: "both decide what is left after a failure",

	{"LeaseCaching", "Immutable"}:            "both decide at the caller where a call runs",
	{"LeaseCaching", "LoadBalancedFrontEnd"}: "both decide at the caller where a call runs",
	{"Immutable", "LoadBalancedFrontEnd"}:    "both decide at the caller where a call runs",
}

func parse(t *testing.T, specs ...string) dms.Chain {
	t.Helper()
	chain, err := dms.ParseChain(specs)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func TestAllPairs(t *testing.T) {
	for i, a := range ten {
		says(t, []string{a}, "")
		says(t, []string{a, a}, "is in the chain twice")
		for _, b := range ten[i+1:] {
			want, ok := together[[2]string{a, b}]
			switch {
			case !ok:
				t.Errorf("nobody thought about %s and %s", a, b)
			case want == "first":
				says(t, []string{a, b}, "")
				says(t, []string{b, a}, a+" must come before "+b+": ", "write ["+a+", "+b+"]")
			case want == "":
				says(t, []string{a, b}, "")
				says(t, []string{b, a}, "")
			default:
				says(t, []string{a, b}, a, b, "cannot be in one chain: ", want)
				says(t, []string{b, a}, a, b, "cannot be in one chain: ", want)
			}
		}
	}
}

// says fails the test unless Check's error has all parts; one part that is empty
// means no error.
func says(t *testing.T, specs []string, parts ...string) {
	t.Helper()
	err := dms.Check(parse(t, specs...))
	if parts[0] == "" {
		if err != nil {
			t.Errorf("Check(%v): %v", specs, err)
		}
		return
	}
	if !errors.Is(err, abi.ErrRefused) {
		t.Errorf("Check(%v) = %v; want that it says %q", specs, err, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("Check(%v): %v; it should say %q", specs, err, part)
		}
	}
}

// What moves a microservice, and what keeps several replicas of it.
func TestMoversAndReplicas(t *testing.T) {
	for _, mover := range []string{"KeepOnDevice", "DynamicMigration", "ExplicitCodeOffloading", "ExplicitMigration"} {
		says(t, []string{mover, "AtLeastOnceRPC", "PeriodicCheckpoint"}, "")
		says(t, []string{mover, "KeepInPlace"}, "keeps the microservice to one node")
		says(t, []string{mover, "CodeOffloading"}, "cannot be in one chain")
		for _, many := range []string{"LoadBalancedFrontEnd", "ScaleUpFrontEnd", "LoadBalancedMasterSlave", "MasterSlaveSync"} {
			says(t, []string{mover, many}, "with several it would not")
			says(t, []string{many, "KeepInCloud", "AtLeastOnceRPC"}, "AtLeastOnceRPC must come before "+many)
			says(t, []string{"KeepInCloud", many}, "")
			says(t, []string{many, "KeepInPlace"}, "needs a node for each replica")
			says(t, []string{many, "CodeOffloading"}, "both decide how many replicas there are")
			says(t, []string{many, "PeriodicCheckpoint"}, "both decide what is left after a failure")
		}
	}
	says(t, []string{"KeepOnDevice", "DynamicMigration"}, "both decide when the microservice moves")
	says(t, []string{"CodeOffloading", "PeriodicCheckpoint"}, "")
	says(t, []string{"PeriodicCheckpoint", "CodeOffloading"}, "CodeOffloading must come before PeriodicCheckpoint", "write [CodeOffloading, PeriodicCheckpoint]")
	says(t, []string{"SerializableRPC", "LoadBalancedMasterSlave"}, "one call at a time")
	says(t, []string{"SerializableRPC", "MasterSlaveSync"}, "")
	says(t, []string{"Immutable", "MasterSlaveSync"}, "cannot be in one chain")
}

func TestLongChains(t *testing.T) {
	says(t, []string{"AtLeastOnceRPC", "KeepInCloud", "SerializableRPC", "ExplicitCheckpoint", "ExplicitMigration", "LeaseCaching"}, "")
	says(t, []string{"LeaseCaching(ttl=5s)", "KeepInCloud", "ExplicitCheckpoint", "AtLeastOnceRPC(timeout=9s)"},
		"ExplicitCheckpoint must come before LeaseCaching",
		"write [KeepInCloud, ExplicitCheckpoint, AtLeastOnceRPC(timeout=9s), LeaseCaching(ttl=5s)]")
}

// Third parties use the same words.
type (
	walker struct{}
	sitter struct{}
	first1 struct{}
	first2 struct{}
)

func (*walker) Coordinator(dms.Group) {}
func (*sitter) Coordinator(dms.Group) {}
func (*first1) Coordinator(dms.Group) {}
func (*first2) Coordinator(dms.Group) {}

func (*walker) Concerns() dms.Concerns {
	return dms.Concerns{Verbs: []dms.Verb{"go", "migrate"}, Has: []dms.Trait{"walk"}}
}
func (*sitter) Concerns() dms.Concerns {
	return dms.Concerns{Minds: map[dms.Trait]string{"walk": "it wants to sit"}}
}
func (*first1) Concerns() dms.Concerns {
	return dms.Concerns{Has: []dms.Trait{"x"}, Before: map[dms.Trait]string{"y": "it is first"}}
}
func (*first2) Concerns() dms.Concerns {
	return dms.Concerns{Has: []dms.Trait{"y"}, Before: map[dms.Trait]string{"x": "so is it"}}
}

func TestThirdParty(t *testing.T) {
	for want, chain := range map[string]dms.Chain{
		"both answer the verb migrate":   append(parse(t, "ExplicitMigration"), new(walker)),
		"it wants to sit":                {new(walker), new(sitter)},
		"no order of the two would do":   {new(first1), new(first2)},
		"count=-1 is not more than zero": {&sample{Count: -1}},
	} {
		if err := dms.Check(chain); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; it should say %q", err, want)
		}
	}
	if err := dms.Check(dms.Chain{new(first1), new(walker)}); err != nil {
		t.Error(err)
	}
}
