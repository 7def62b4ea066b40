package host

import (
	"crypto/rand"
	"time"
)

// A Nature is what no two hosts have alike, and no host twice: time and chance. All
// that a guest learns of them passes here, so that it can be recorded.
type Nature interface {
	// Time returns what a guest that reads clock c is told; shown is what c shows at
	// this host. An instance goes on from a monotonic time that is ahead of its own.
	Time(c Clock, shown int64) int64

	// Sleep returns how long a guest that wants to sleep for d does so.
	Sleep(d time.Duration) time.Duration

	// Random fills b with random bytes.
	Random(b []byte)
}

// A Clock is one that guests read, in nanoseconds.
type Clock uint8

const (
	Wall      Clock = iota // since 1970, UTC
	Monotonic              // of the instance: it goes on from state to state and never runs back
)

// Natural is Nature as it is, to be embedded in an Env.
type Natural struct{}

var _ Nature = Natural{}

// Time implements Nature.
func (Natural) Time(_ Clock, shown int64) int64 { return shown }

// Sleep implements Nature.
func (Natural) Sleep(d time.Duration) time.Duration { return d }

// Random implements Nature.
func (Natural) Random(b []byte) { rand.Read(b) }
