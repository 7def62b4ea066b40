package abi

import "github.com/fxamacker/cbor/v2"

// A RawValue is one value that is CBOR already; Encode and Decode leave it as it is.
type RawValue = cbor.RawMessage
