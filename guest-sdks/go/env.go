package amino

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// An Identity says who a microservice is: its name, and the ids of this replica
// and of the node it is on now.
type Identity struct{ Name, ID, Node string }

// Self returns who the microservice is.
func Self() Identity {
	name, id, node := host().Self()
	return Identity{name, id, node}
}

// Config returns a configuration value of the microservice, and whether there is one.
func Config(key string) (string, bool) { return host().Config(key) }

// A Level says how much a log line matters.
type Level int

// The levels.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Log writes one line to the microservice's log.
func Log(level Level, text string) { host().Log(int(level), text) }

// Logf writes one formatted line to the microservice's log.
func Logf(level Level, format string, args ...any) { Log(level, fmt.Sprintf(format, args...)) }

// Now returns the host's wall clock.
func Now() time.Time { return time.Unix(0, host().Now()) }

// Random fills b with random bytes of the host.
func Random(b []byte) { host().Random(b) }

var generator *rand.Rand

// Rand returns a generator seeded by the host, anew after a fork. The top-level
// functions of math/rand go on alike in a fork and its origin; this one does not.
func Rand() *rand.Rand {
	if generator == nil {
		var seed [32]byte
		Random(seed[:])
		generator = rand.New(rand.NewChaCha8(seed))
	}
	return generator
}
