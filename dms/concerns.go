package dms

// A Trait is something a DM does that other DMs of its chain may mind. Its text
// completes the sentence "both ...".
type Trait string

// The traits of the DMs that come with Amino.Run. Others may add theirs.
const (
	Routes     Trait = "decide at the caller where a call runs"
	AtCallers  Trait = "run calls beside their callers" // the DMs after it in a chain see no call
	Spreads    Trait = "run calls at several places at once"
	Freezes    Trait = "let no call change the state"
	Membership Trait = "decide how many replicas there are"
	Recovery   Trait = "decide what is left after a failure"
	OneNode    Trait = "keep the microservice to one node"
	Moves      Trait = "decide when the microservice moves, and where to"
	Orders     Trait = "carry out calls one after another"
	Shards     Trait = "divide the state among the members" // the DMs after it apply to each member

	ReadsAtCallers Trait = "answer readonly calls beside their callers"     // the DMs after it see none of these
	Transacts      Trait = "take part in the transactions of their callers" // others refuse a call that has a Tx
)

// Concerns is what a DM says of itself, so that Check can tell which chains make
// sense.
type Concerns struct {
	// Verbs are those it answers. A verb has one owner in a chain.
	Verbs []Verb

	// Owns are traits that only one DM of a chain may own.
	Owns []Trait

	// Has are further traits.
	Has []Trait

	// Minds are the traits that no other DM of its chain may have, and why.
	Minds map[Trait]string

	// Before are the traits of DMs that must come after it in the chain, and why.
	Before map[Trait]string
}

// Concerned is implemented by a DM that has verbs or traits, or minds those of
// others. Its concerns do not depend on its configuration.
type Concerned interface{ Concerns() Concerns }

func concernsOf(dm DM) Concerns {
	if c, ok := dm.(Concerned); ok {
		return c.Concerns()
	}
	return Concerns{}
}
