// Package abi is what crosses the sandbox wall and the wire, as bytes: frames,
// values, error codes and the manifest. ABI.md is its text; this package is its
// implementation on the host's side.
package abi
