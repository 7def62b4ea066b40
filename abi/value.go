package abi

import (
	"math"

	"github.com/fxamacker/cbor/v2"
)

// MaxDepth is the deepest nesting of arrays and maps in a value, the array of
// arguments counted.
const MaxDepth = 64

// maxElements bounds what Decode builds from one array or map.
const maxElements = 4 << 20

// Raw is a value that is CBOR already: Encode and Args put it in as it is, and
// Decode leaves it undecoded.
type Raw = cbor.RawMessage

var encoder, decoder, checker, printer = modes()

// modes sets the codec up; its options are constants, so it cannot fail later.
func modes() (cbor.EncMode, cbor.DecMode, cbor.DecMode, cbor.DiagMode) {
	e := cbor.CoreDetEncOptions() // RFC 8949, section 4.2.1
	e.Time, e.TimeTag = cbor.TimeRFC3339NanoUTC, cbor.EncTagRequired
	e.NilContainers = cbor.NilContainerAsEmpty
	e.BigIntConvert = cbor.BigIntConvertReject

	c := cbor.DecOptions{
		MaxNestedLevels:  MaxDepth,
		MaxArrayElements: math.MaxInt32, // the frame's length is the bound
		MaxMapPairs:      math.MaxInt32,
	}
	d := c
	d.MaxArrayElements, d.MaxMapPairs = maxElements, maxElements
	d.DupMapKey = cbor.DupMapKeyEnforcedAPF
	d.TimeTag = cbor.DecTagOptional
	d.BignumTag = cbor.BignumTagForbidden
	d.UnrecognizedTagToAny = cbor.UnrecognizedTagContentToAny
	d.SimpleValues = must(cbor.NewSimpleValueRegistryFromDefaults(unknownSimpleValues()...))

	p := cbor.DiagOptions{MaxNestedLevels: MaxDepth, MaxArrayElements: maxElements, MaxMapPairs: maxElements}
	return must(e.EncMode()), must(d.DecMode()), must(c.DecMode()), must(p.DiagMode())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// unknownSimpleValues refuses all simple values but false, true, null and undefined.
func unknownSimpleValues() (refuse []func(*cbor.SimpleValueRegistry) error) {
	for v := range 256 {
		if v < 20 || v >= 32 { // 24..31 are not well-formed
			refuse = append(refuse, cbor.WithRejectedSimpleValue(cbor.SimpleValue(v)))
		}
	}
	return refuse
}

// Encode returns v as CBOR in the deterministic form of RFC 8949, section
// 4.2.1: everything as short as it can be, maps sorted. A time is tag 0 in UTC; a
// nil slice or map is empty, any other nil and the zero time are null; struct
// fields are named by their cbor or json tags. What has no CBOR form here (a
// channel, a big.Int) is an error of code BadArgument.
func Encode(v any) ([]byte, error) {
	b, err := encoder.Marshal(v)
	if err != nil {
		return nil, Errorf(BadArgument, "cannot encode %T: %v", v, err)
	}
	return b, nil
}

// Args returns the array of arguments of a call, each as Encode writes it.
func Args(v ...any) ([]byte, error) { return Encode(v) }

// Decode reads the CBOR value b into what v points to. Into an any, integers
// become uint64, or int64 if negative (below -2^63 big.Int, which Encode does not
// take), floats float64, arrays []any, maps map[any]any, times time.Time. Unknown
// tags are skipped, undefined is nil; an integral float is not read into a Go
// integer. A key given twice, text that is not UTF-8 and arrays or maps of more
// than 4 Mi elements are errors. Every error has code BadArgument; who decodes a
// reply says BadReply.
func Decode(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return Errorf(BadArgument, "cannot decode into %T: %v", v, err)
	}
	return nil
}

// Wellformed reports, without allocating, an error of code BadArgument unless b
// is exactly one well-formed CBOR value no deeper than MaxDepth. It does not
// look into text: see Decode and CheckArgs.
func Wellformed(b []byte) error {
	if err := checker.Wellformed(b); err != nil {
		return Errorf(BadArgument, "not CBOR: %v", err)
	}
	return nil
}

// Diag returns b in CBOR's diagnostic notation (RFC 8949, section 8), for logs
// and failing tests, or says why it is not CBOR.
func Diag(b []byte) string {
	s, err := printer.Diagnose(b)
	if err != nil {
		return "not CBOR: " + err.Error()
	}
	return s
}
