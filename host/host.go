// Package host runs one guest: it checks and rewrites a module at deploy time,
// compiles and instantiates it, enters it, and takes and puts back its whole
// state between two calls. It knows no engine; host/wazero is one.
package host

import (
	"context"

	"amino.run/abi"
)

// An Engine compiles programs. It may be used by many goroutines at once.
type Engine interface {
	// Compile returns a module ready to be instantiated. The same program
	// compiled again costs a look-up where the engine has a cache.
	Compile(ctx context.Context, p *Program) (Module, error)

	// Close frees the engine. No instance of its modules may be in use.
	Close(ctx context.Context) error
}

// A Module is a compiled program. It may be used by many goroutines at once.
type Module interface {
	// Instantiate returns an instance whose state is img; nil means the base
	// image, and the caller then calls Boot.
	Instantiate(ctx context.Context, c Config, img *Image) (Instance, error)

	// Close frees the module. No instance of it may be in use.
	Close(ctx context.Context) error
}

// Config says what an instance may use.
type Config struct {
	Env    Env
	Limits Limits
}

// Limits bound one instance. Zero values mean the defaults.
type Limits struct {
	Memory uint64 // bytes of linear memory, rounded down to pages; default 256 MiB
	Fuel   uint64 // loop turns and calls in one call of the guest; 0 is no limit
}

// DefaultMemory is the memory limit of an instance that is given none, in bytes.
const DefaultMemory = 256 << 20

// MemoryPages returns the memory limit in pages, at most MaxPages.
func (l Limits) MemoryPages() uint32 {
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	return uint32(min(l.Memory/PageSize, MaxPages))
}

// An Env is what a guest sees of the world. The kernel provides one for each
// instance; its methods are called by the goroutine that is inside Invoke. One that
// panics with an *abi.Error ends the call with that, as a trap does.
type Env interface {
	Nature

	// Invoke calls another microservice and returns its value.
	Invoke(ctx context.Context, r abi.Request) ([]byte, error)

	// Self returns who the guest is.
	Self() Identity

	// Config returns a configuration value of the microservice.
	Config(key string) (string, bool)

	// Log writes one line; level is 0 (debug) to 3 (error).
	Log(level int, text string)
}

// An Identity is what the import self tells a guest.
type Identity struct{ Name, ID, Node string }

// An Instance is a running guest. Its methods are called by one goroutine at a
// time, and none but Failed, Usage and Close while a call is inside; one that is
// called nevertheless does nothing and returns an error of code Reentrant.
type Instance interface {
	// Boot runs the start function and _initialize, once, on a base image.
	Boot(ctx context.Context) error

	// Describe returns what amino_describe answers, or nil if the module does
	// not export it.
	Describe(ctx context.Context) ([]byte, error)

	// Invoke enters the guest with one call and returns a copy of the value it
	// answers, CBOR; empty is null. Errors are *abi.Error, or *NotMade around one
	// for a call that did not enter the guest. After one whose fate is
	// abi.Undone the instance refuses to be entered until Restore; the error's
	// State is left to the caller. ctx's deadline and cancellation stop a guest
	// that computes, within milliseconds. Of what the guest wrote to its output, the
	// line it did not end is logged when the call ends.
	Invoke(ctx context.Context, kind abi.Kind, flags uint8, method string, args []byte) ([]byte, error)

	// Resume runs amino_resume, if the module exports it.
	Resume(ctx context.Context) error

	// Snapshot returns the state between two calls.
	Snapshot() (*Image, error)

	// Failed reports whether the instance refuses to be entered until Restore. It
	// tells an error of the guest's own, which leaves the instance as it is, from
	// one that broke it: a guest may pass on the trap of a microservice it called.
	// It may be called at any time.
	Failed() bool

	// Restore puts img back, also after a trap or exit. The image must be of
	// this module. One that is refused changes nothing; after any other error
	// the instance has failed. The guest's clock goes on from the image's, or from
	// what it shows if that is later.
	Restore(ctx context.Context, img *Image) error

	// View returns a view of the instance, which has its Env and limits. It is to be
	// refreshed first, and closed before the instance.
	View(ctx context.Context) (View, error)

	// Usage returns what the instance has used. It may be called at any time.
	Usage() Usage

	// Close frees the instance. It may be called at any time: it stops a guest that
	// computes and waits until the call that is inside has left, so it must not be
	// called by that call's own goroutine.
	Close(ctx context.Context) error
}

// Usage is what an instance uses.
type Usage struct {
	Memory uint64 // bytes of linear memory now
	Fuel   uint64 // loop turns and calls since it was instantiated; long ones count more
}
