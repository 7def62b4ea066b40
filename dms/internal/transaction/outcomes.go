package transaction

import "slices"

// remembered is how many commits a replica remembers, for those whose answer was lost.
const remembered = 1024

// Outcomes are the transactions of a replica that were committed last. They are a
// cell. A replica that recovers begins with none, and with tokens unlike the earlier.
type Outcomes struct {
	Tokens    uint64   // the last one given
	First     uint64   // the first one of this life
	Committed []uint64 // in the order in which they were committed
	Trimmed   uint64   // the greatest token that is not remembered any more
}

// begin starts a life, at first use; random is below 2^31.
func (o *Outcomes) begin(random int) {
	if o.First == 0 {
		o.First = uint64(random+1) << 32
		o.Tokens = o.First
	}
}

// token returns a token for a transaction.
func (o *Outcomes) token() uint64 {
	o.Tokens++
	return o.Tokens
}

// add notes that a transaction was committed.
func (o *Outcomes) add(token uint64) {
	o.Committed = append(o.Committed, token)
	if len(o.Committed) > remembered {
		o.Trimmed = max(o.Trimmed, o.Committed[0])
		o.Committed = slices.Delete(o.Committed, 0, 1)
	}
}

// was reports whether a transaction was committed, if that is known.
func (o *Outcomes) was(token uint64) (committed, known bool) {
	if slices.Contains(o.Committed, token) {
		return true, true
	}
	return false, token > o.Trimmed && token>>32 == o.First>>32
}
