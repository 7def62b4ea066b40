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
}
