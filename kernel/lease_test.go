package kernel

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
)

func TestLeaseEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLease("k1")
		check := func(when string, held bool) {
			t.Helper()
			synctest.Wait()
			if l.held.Load() != held || (l.outlived() == nil) != held {
				t.Errorf("%s: held %v, outlived %v, want held %v", when, l.held.Load(), l.outlived(), held)
			}
		}
		check("before the first grant", false)
		l.extend(time.Now().Add(2 * time.Second))
		check("granted", true)
		time.Sleep(1500 * time.Millisecond)
		l.extend(time.Now().Add(2 * time.Second))
		time.Sleep(1999 * time.Millisecond)
		check("renewed", true)
		time.Sleep(time.Millisecond)
		check("at its end", false)
		l.extend(time.Now().Add(time.Second))
		check("granted again", true)
		l.drop()
		check("dropped", false)
		time.Sleep(time.Hour)
		l.extend(time.Now().Add(-time.Second)) // the answer was on its way for too long
		check("granted too late", false)
	})
}

// A process that was stopped goes on with what was inside before its timers fire.
func TestLeaseOutlivedWithoutItsTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLease("k1")
		l.extend(time.Now().Add(time.Second))
		l.end.Stop()
		time.Sleep(time.Second)
		err := l.outlived()
		if !l.held.Load() || !errors.Is(err, abi.ErrUnavailable) || abi.CodeOf(err).Fate() != abi.Perhaps {
			t.Errorf("held %v, outlived %v: only the clock can tell", l.held.Load(), err)
		}
		l.drop()
	})
}

// A timer that fired just before a renewal does not end what was renewed.
func TestLeaseExtendedWhileItsTimerFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLease("k1")
		l.extend(time.Now().Add(time.Second))
		l.end.Stop()
		time.Sleep(time.Second)
		l.extend(time.Now().Add(time.Second))
		l.expire() // late
		if !l.held.Load() {
			t.Error("the new lease is not held")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if l.held.Load() {
			t.Error("the lease does not end")
		}
	})
}
