package amino

import (
	"errors"
	"strings"
)

// An Option says more about a microservice than its Go code does.
type Option func(*service) error

// served is the microservice of this module; nil until Serve.
var served *service

// Serve makes a microservice of what is the module's one object. Call it once,
// in an init function; main stays empty. The argument is a pointer to a struct,
//
//	amino.Serve(&Counter{})
//
// or a function that makes one from the arguments given at deploy time:
//
//	amino.Serve(func(start int64) *Counter { return &Counter{n: start} })
//
// The function may also return an error. Pointers at the end of its parameters, or
// of a method's, are nil if the caller leaves them out. Serve panics if what it is
// given cannot be served.
func Serve(microservice any, options ...Option) {
	s, err := newService(microservice)
	for _, option := range options {
		if err == nil {
			err = option(s)
		}
	}
	switch {
	case err != nil:
		panic("amino.Serve: " + err.Error())
	case served != nil:
		panic("amino.Serve: called twice; a module is one microservice")
	}
	served = s
}

// Name names the microservice. Without it the struct's name is taken: KVStore is kv-store.
func Name(name string) Option {
	return func(s *service) error {
		s.name = name
		return nil
	}
}

// ReadOnly promises that methods, named as in Go, leave the state as it was.
// Deployment managers cache and spread such calls.
func ReadOnly(methods ...string) Option {
	return func(s *service) error {
		for _, name := range methods {
			f := s.method(name)
			if f == nil {
				return errors.New("ReadOnly: there is no method " + name)
			}
			f.readOnly = true
		}
		return nil
	}
}

// Source gives the text of the Go files that define the microservice, embedded
// with go:embed. Their comments become the documentation in the manifest, and
// parameters have the names they have there; without it they are arg0, arg1, ...
func Source(files ...string) Option {
	return func(s *service) error {
		s.source = append(s.source, files...)
		return nil
	}
}

// Deploy names the deployment managers that the microservice has unless it is
// deployed with others, first the one nearest the application:
//
//	amino.Deploy("LeaseCaching(ttl=10s)", "PeriodicCheckpoint(every=100)")
func Deploy(chain ...string) Option {
	return func(s *service) error {
		for _, dm := range chain {
			if strings.TrimSpace(dm) == "" {
				return errors.New("Deploy: an empty deployment manager")
			}
		}
		s.chain = chain
		return nil
	}
}

// OnResume registers what to do first in a microservice that goes on from
// another one's snapshot: a fork or a replica. Both then have the same state,
// and a generator seeded before would give both the same numbers.
func OnResume(do func()) Option {
	return func(s *service) error {
		s.resume = append(s.resume, do)
		return nil
	}
}

func (s *service) method(goName string) *function {
	for _, f := range s.order {
		if f.name == goName {
			return f
		}
	}
	return nil
}
