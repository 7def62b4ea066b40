package dms

import (
	"sync"
	"time"

	"amino.run/abi"
)

// A Lease is an exclusive right that ends by itself. The granter counts from
// when it grants and the holder from when it asked, so the holder's ends first
// and no two clocks need agree. It may be used by many goroutines at once, and may
// be a cell. The zero Lease is free.
//
// Each grant has a token that no later grant has. The holder shows it with what it
// does under the lease, so that a message of an earlier grant, late on its way, is
// known and refused (Gray and Cheriton, SOSP 1989; a fencing token).
type Lease struct {
	mu     sync.Mutex
	holder Peer
	token  uint64
	until  time.Time
}

// Acquire gives p the lease for ttl, or gives it anew to its holder, and returns
// the grant's token. It is an error of code abi.Leased if another holds it.
func (l *Lease) Acquire(p Peer, ttl time.Duration) (token uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder != p {
		if err := l.free(); err != nil {
			return 0, err
		}
	}
	l.token++
	l.holder, l.until = p, time.Now().Add(ttl)
	return l.token, nil
}

// Block keeps the lease from everyone for d, and makes the tokens to come begin
// after token. A granter that does not remember its grants, because its node
// failed, blocks for the ttl of a lease.
func (l *Lease) Block(d time.Duration, token uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder, l.token, l.until = "", max(l.token, token), time.Now().Add(d)
}

// Held returns nil if p holds the lease by the grant with this token, and else an
// error of code abi.Leased.
func (l *Lease) Held(p Peer, token uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == p && l.token == token && time.Now().Before(l.until) {
		return nil
	}
	if err := l.free(); err != nil && l.holder != p {
		return err
	}
	return abi.Errorf(abi.Leased, "the lease ran out before the call was done")
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
	return l.free()
}

func (l *Lease) free() error {
	left := time.Until(l.until)
	if left <= 0 {
		return nil
	}
	return abi.Errorf(abi.Leased, "leased to another caller for %v more", left.Round(time.Millisecond))
}

// Release ends p's lease.
func (l *Lease) Release(p Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == p {
		l.until = time.Time{}
	}
}

// A keptLease has the time left, not the end: the cell may be read by another clock.
type keptLease struct {
	Holder Peer
	Token  uint64
	Left   time.Duration
}

// MarshalCBOR implements cbor.Marshaler.
func (l *Lease) MarshalCBOR() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return abi.Encode(keptLease{l.holder, l.token, max(0, time.Until(l.until))})
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (l *Lease) UnmarshalCBOR(b []byte) error {
	var k keptLease
	if err := abi.Decode(b, &k); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder, l.token, l.until = k.Holder, k.Token, time.Now().Add(k.Left)
	return nil
}
