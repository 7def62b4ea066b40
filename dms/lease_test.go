package dms_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

const ttl = 10 * time.Second

func acquire(t *testing.T, l *dms.Lease, p dms.Peer) dms.Grant {
	t.Helper()
	g, err := l.Acquire(p, ttl)
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	return g
}

// refuses fails the test unless p is refused with a message that has this part.
func refuses(t *testing.T, l *dms.Lease, p dms.Peer, part string) {
	t.Helper()
	_, err := l.Acquire(p, ttl)
	if abi.CodeOf(err) != abi.Leased || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v; want that it is leased and says %q", p, err, part)
	}
}

func TestLeaseIsExclusive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l dms.Lease
		if err := l.Free(); err != nil {
			t.Errorf("a new lease: %v", err)
		}
		a := acquire(t, &l, "a")
		if a.For != ttl || l.Held("a", a.Token) != nil || l.Free() == nil || !l.Last("a", a.Token) {
			t.Errorf("%+v, %v, %v", a, l.Held("a", a.Token), l.Free())
		}
		time.Sleep(4 * time.Second)
		refuses(t, &l, "b", "for 6s more")
		if err := l.Held("b", a.Token); abi.CodeOf(err) != abi.Leased {
			t.Errorf("another caller's token: %v", err)
		}
		time.Sleep(6 * time.Second)
		if err := l.Held("a", a.Token); abi.CodeOf(err) != abi.Leased || !strings.Contains(err.Error(), "ran out") {
			t.Errorf("after it ran out: %v", err)
		}
		b := acquire(t, &l, "b")
		if b.Token == a.Token || l.Last("a", a.Token) {
			t.Error("a token was given twice")
		}
	})
}

func TestLeaseAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l dms.Lease
		one := acquire(t, &l, "a")
		time.Sleep(5 * time.Second)
		two := acquire(t, &l, "a")
		if l.Held("a", one.Token) == nil || l.Held("a", two.Token) != nil || two.For != ttl {
			t.Errorf("%+v, then %+v", one, two)
		}
		l.Release("b")
		if l.Free() == nil {
			t.Error("released by one who does not hold it")
		}
		l.Release("a")
		acquire(t, &l, "b")
	})
}

// One that was refused has its turn when the lease ends.
func TestLeaseTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l dms.Lease
		acquire(t, &l, "a")
		refuses(t, &l, "b", "for 10s more")
		time.Sleep(7 * time.Second)
		if g := acquire(t, &l, "a"); g.For != 3*time.Second {
			t.Errorf("while b waits, a has it for %v more", g.For)
		}
		time.Sleep(3 * time.Second)
		refuses(t, &l, "a", "again in 5s")
		acquire(t, &l, "b")
		time.Sleep(ttl)
		acquire(t, &l, "a")

		refuses(t, &l, "b", "for 10s more")
		time.Sleep(ttl + ttl/2) // b does not come back
		acquire(t, &l, "a")
	})
}

func TestLeaseBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l dms.Lease
		l.Block(4*time.Second, 1000)
		refuses(t, &l, "a", "for 4s more")
		time.Sleep(4 * time.Second)
		if g := acquire(t, &l, "a"); g.Token <= 1000 {
			t.Errorf("token %d", g.Token)
		}
	})
}

// A lease that is kept has the same time left wherever it is read.
func TestLeaseIsACell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l, moved dms.Lease
		a := acquire(t, &l, "a")
		refuses(t, &l, "b", "for 10s more")
		time.Sleep(4 * time.Second)
		b, err := abi.Encode(&l)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // on its way
		if err := abi.Decode(b, &moved); err != nil {
			t.Fatal(err)
		}
		if err := moved.Held("a", a.Token); err != nil {
			t.Error(err)
		}
		refuses(t, &moved, "b", "for 6s more")
		time.Sleep(6 * time.Second)
		refuses(t, &moved, "a", "another caller waits")
		if err := abi.Decode([]byte{0x01}, &moved); err == nil {
			t.Error("a lease was read from a number")
		}
	})
}
