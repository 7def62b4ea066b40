package dms

import (
	"sync"
	"time"

	"amino.run/abi"
)

// A Lease is an exclusive right that ends by itself. The granter counts from
// when it grants and the holder from when it asked, so the holder's ends first
// and no two clocks need agree (Gray and Cheriton, SOSP 1989). It may be used by
// many goroutines at once, and may be a cell. The zero Lease is free.
//
// Each grant has a token that no later grant has. The holder shows it with what it
// does under the lease, so that a message of an earlier grant, late on its way, is
// known and refused.
type Lease struct {
	mu     sync.Mutex
	holder Peer
	token  uint64
	until  time.Time
	ttl    time.Duration
	wanted bool // another was refused since the lease was granted
}

// A Grant is a lease as its holder has it.
type Grant struct {
	Token uint64
	For   time.Duration // from when the holder asked
}

// Acquire gives p the lease for ttl. Its holder may acquire it anew and gets a new
// token; but where another was refused meanwhile, only what is left of its time,
// and nothing for half a ttl after that, so that the other has its turn. An error
// is of code abi.Leased and says for how long.
func (l *Lease) Acquire(p Peer, ttl time.Duration) (Grant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := time.Until(l.until)
	switch again := l.holder == p; {
	case left > 0 && !again:
		l.wanted = true
		return Grant{}, leased(left)
	case left > 0 && l.wanted:
		l.token++
		return Grant{l.token, left}, nil
	case again && l.wanted && left+l.ttl/2 > 0:
		return Grant{}, abi.Errorf(abi.Leased, "another caller waits for the lease; this one may have it again in %v", (left + l.ttl/2).Round(time.Millisecond))
	}
	l.token++
	l.holder, l.until, l.ttl, l.wanted = p, time.Now().Add(ttl), ttl, false
	return Grant{l.token, ttl}, nil
}

// Block keeps the lease from everyone for d, and makes the tokens to come begin
// after token. A granter that does not remember its grants, because its node
// failed, blocks for the ttl of a lease.
func (l *Lease) Block(d time.Duration, token uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder, l.token, l.until, l.wanted = "", max(l.token, token), time.Now().Add(d), false
}

// Held returns nil if p holds the lease by the grant with this token, and else an
// error of code abi.Leased.
func (l *Lease) Held(p Peer, token uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := time.Until(l.until)
	switch {
	case left > 0 && l.holder != p:
		return leased(left)
	case left <= 0 || l.token != token:
		return abi.Errorf(abi.Leased, "the lease ran out before the call was done")
	}
	return nil
}

// Last reports whether the last grant is the one to p with this token. It may have
// run out.
func (l *Lease) Last(p Peer, token uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder == p && l.token == token
}

// Free returns nil if no one holds the lease, and else an error of code abi.Leased
// that says for how long.
func (l *Lease) Free() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := time.Until(l.until); left > 0 {
		return leased(left)
	}
	return nil
}

// Release ends p's lease.
func (l *Lease) Release(p Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == p {
		l.until, l.wanted = time.Time{}, false
	}
}

func leased(left time.Duration) error {
	return abi.Errorf(abi.Leased, "leased to another caller for %v more", left.Round(time.Millisecond))
}

// A keptLease has the time left, not the end: another clock may read it.
type keptLease struct {
	Holder Peer
	Token  uint64
	Left   time.Duration
	TTL    time.Duration
	Wanted bool
}

// MarshalCBOR implements cbor.Marshaler.
func (l *Lease) MarshalCBOR() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return abi.Encode(keptLease{l.holder, l.token, time.Until(l.until), l.ttl, l.wanted})
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (l *Lease) UnmarshalCBOR(b []byte) error {
	var k keptLease
	if err := abi.Decode(b, &k); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder, l.token, l.until, l.ttl, l.wanted = k.Holder, k.Token, time.Now().Add(k.Left), k.TTL, k.Wanted
	return nil
}
