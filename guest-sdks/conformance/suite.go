// Package conformance holds the one suite that the SDKs of all languages pass. It
// runs the microservice that CONFORMANCE.md describes, written in that language,
// in a host without a kernel.
package conformance

import (
	"testing"
)

// Options say what the language of a module can and cannot do.
type Options struct {
	Language string // as in the manifest

	// PanicTraps says that the language cannot catch its own exceptions.
	PanicTraps bool
}

// Suite runs every case against the microservice conformance in the module at
// path.
func Suite(t *testing.T, path string, o Options) {
	m := load(t, path)
	cases := []struct {
		name string
		run  func(*testing.T, *module, Options)
	}{
		{"manifest", manifest},
		{"constructor", constructor},
		{"methods", methods},
		{"values", values},
		{"sizes", sizes},
		{"wrong calls", wrongCalls},
		{"errors", applicationErrors},
		{"panic", panics},
		{"trap", trap},
		{"spin", spin},
		{"fuel", fuel},
		{"grow", grow},
		{"memory limit", memoryLimit},
		{"snapshot", snapshot},
		{"fork", fork},
		{"readonly", readOnly},
		{"relay", relay},
		{"relay errors", relayErrors},
		{"verb", verb},
		{"surroundings", surroundings},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, m, o) })
	}
}
