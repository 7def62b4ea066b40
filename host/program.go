package host

import "amino.run/abi"

// A Program is a module that has been checked and rewritten so that its whole
// state can be taken and put back.
type Program struct {
	Digest   string        // sha-256 of the module as deployed, hex
	Wasm     []byte        // rewritten: no data, no start, mutable globals exported, fuel injected
	Base     *Image        // memory as the data segments make it, globals as declared
	Manifest *abi.Manifest // from the custom section; nil if there is none
	Notes    []string      // what the module may do that needs care

	// Globals are the exports of Wasm that are the mutable globals, in index
	// order: what Image.Globals holds the bits of.
	Globals []string
}

// What an engine finds in Program.Wasm and the guest's author did not write.
const (
	// StartExport is the module's start function, if it had one.
	StartExport = "amino:start"

	// FuelExport is an i32 global that loops and calls count down. When it falls
	// below zero the guest calls the import PollName of PollModule, (i32) -> i32,
	// with its value and puts the result in its place.
	FuelExport = "amino:fuel"
	PollModule = "amino:host"
	PollName   = "poll"
)
