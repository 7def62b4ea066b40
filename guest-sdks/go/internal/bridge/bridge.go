// Package bridge joins a guest to its host: to the kernel through the imports
// of the guest ABI in a module, to package aminotest's in a native test.
package bridge

// A Host is what a guest can ask for: the imports of ABI.md.
type Host interface {
	// Invoke sends a request frame and returns the reply frame. The request is
	// the caller's again when Invoke returns.
	Invoke(request []byte) (reply []byte)

	// Self returns the microservice's name, and the ids of its replica and node.
	Self() (name, id, node string)

	// Config returns a configuration value of the microservice.
	Config(key string) (string, bool)

	// Log writes one line; level is 0 (debug) to 3 (error).
	Log(level int, text string)

	// Now returns the wall clock in nanoseconds since 1970 UTC.
	Now() int64

	// Random fills b with random bytes.
	Random(b []byte)
}

// Handle makes a microservice of a struct or constructor, as amino.Serve does,
// and returns what answers call frames with reply frames. Package amino sets it.
var Handle func(service any) (func(frame []byte) []byte, error)
