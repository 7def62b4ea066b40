package abi

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CheckArgs reports an error of code BadArgument unless args, an array in CBOR or
// nothing at all, fits the method's parameters in number and types. Options at
// the end may be missing. An integral float passes as an integer and an integer
// as a float if nothing is lost; a value passes whatever it is.
func (m *MethodType) CheckArgs(args []byte) error {
	if len(args) == 0 {
		args = []byte{0x80}
	}
	if err := Wellformed(args); err != nil {
		return Errorf(BadArgument, "arguments of %s: %v", m.called(), err)
	}
	types, err := m.paramTypes()
	if err != nil {
		return err
	}
	r := reader{args}
	array := r.untagged()
	if array.major != majorArray {
		return Errorf(BadArgument, "arguments of %s are %s, want an array", m.called(), array.describe())
	}
	if n := r.count(array); n > uint64(len(types)) || n < uint64(needed(types)) {
		return Errorf(BadArgument, "%s takes %s, got %d", m.called(), m.signature(needed(types)), n)
	}
	for i := uint64(0); !r.done(array, i); i++ {
		if bad := types[i].check(&r); bad != nil {
			return Errorf(BadArgument, "argument %d (%s) of %s%s", i+1, m.Params[i].Name, m.called(), bad)
		}
	}
	return nil
}

// paramTypes returns the parameters' types: those that ParseManifest kept, else
// parsed here.
func (m *MethodType) paramTypes() ([]Type, error) {
	if len(m.types) == len(m.Params) {
		return m.types, nil
	}
	types := make([]Type, len(m.Params))
	for i, p := range m.Params {
		t, err := ParseType(p.Type)
		if err != nil {
			return nil, Errorf(Refused, "parameter %s of %s: %v", p.Name, m.called(), err)
		}
		types[i] = *t
	}
	return types, nil
}

// called names the method in messages.
func (m *MethodType) called() string {
	if m.Name == "" {
		return "the constructor"
	}
	return m.Name
}

// needed returns how many parameters come before the options at the end.
func needed(types []Type) int {
	n := len(types)
	for n > 0 && types[n-1].Name == "option" {
		n--
	}
	return n
}

// signature writes how many arguments there are, and which.
func (m *MethodType) signature(needed int) string {
	n := len(m.Params)
	if n == 0 {
		return "no arguments"
	}
	params := make([]string, n)
	for i, p := range m.Params {
		params[i] = p.Name + ": " + p.Type
	}
	count := strconv.Itoa(n) + " arguments"
	switch {
	case needed < n:
		count = fmt.Sprintf("%d to %d arguments", needed, n)
	case n == 1:
		count = "1 argument"
	}
	return count + " (" + strings.Join(params, ", ") + ")"
}

// A mismatch is a value that is not of the type it should be.
type mismatch struct {
	path string // where in the argument; "" is the argument itself
	got  string
	want Type
}

func (m *mismatch) String() string {
	if m.path == "" {
		return " is " + m.got + ", want " + m.want.String()
	}
	return ": " + m.path + " is " + m.got + ", want " + m.want.String()
}

// in says that the mismatch is inside of what.
func (m *mismatch) in(what string) *mismatch {
	m.path = strings.TrimSuffix(what+", "+m.path, ", ")
	return m
}

// check reads one value from r, up to the first mismatch with t.
func (t Type) check(r *reader) *mismatch {
	start := *r
	it := r.untagged()
	switch {
	case t.Name == "value":
		r.skip(it)
		return nil
	case t.Name == "option" && it.null():
		return nil
	case t.Name == "option":
		*r = start
		return t.Args[0].check(r)
	case t.integer() && fitsInteger(it, t.Name),
		t.Name == "f32" && fitsFloat(it, 24),
		t.Name == "f64" && fitsFloat(it, 53),
		t.Name == "bool" && it.bool():
		return nil
	case t.bytes() && it.major == majorBytes:
		r.content(it)
		return nil
	case (t.Name == "string" || t.Name == "char") && it.major == majorText:
		return t.checkText(r.content(it))
	case t.Name == "time" && it.major == majorTag && it.arg <= tagTimeSeconds:
		if _, ok := r.time(it); !ok {
			return &mismatch{got: "no instant of the years 0 to 9999", want: t}
		}
		return nil
	case (t.Name == "list" && !t.bytes() || t.Name == "tuple") && it.major == majorArray:
		return t.checkArray(r, it)
	case t.Name == "map" && it.major == majorMap:
		return t.checkMap(r, it)
	}
	return &mismatch{got: it.describe(), want: t}
}

func (t Type) checkText(s []byte) *mismatch {
	if !utf8.Valid(s) {
		return &mismatch{got: "text that is not UTF-8", want: t}
	}
	if n := utf8.RuneCount(s); t.Name == "char" && n != 1 {
		return &mismatch{got: fmt.Sprintf("text of %d characters", n), want: t}
	}
	return nil
}

func (t Type) checkArray(r *reader, it item) *mismatch {
	if n := r.count(it); t.Name == "tuple" && n != uint64(len(t.Args)) {
		return &mismatch{got: fmt.Sprintf("an array of %d", n), want: t}
	}
	for i := uint64(0); !r.done(it, i); i++ {
		elem := t.Args[0]
		if t.Name == "tuple" {
			elem = t.Args[i]
		}
		if bad := elem.check(r); bad != nil {
			return bad.in(fmt.Sprintf("element %d", i+1))
		}
	}
	return nil
}

func (t Type) checkMap(r *reader, it item) *mismatch {
	for i := uint64(0); !r.done(it, i); i++ {
		if bad := t.Args[0].check(r); bad != nil {
			return bad.in(fmt.Sprintf("key %d", i+1))
		}
		if bad := t.Args[1].check(r); bad != nil {
			return bad.in(fmt.Sprintf("value %d", i+1))
		}
	}
	return nil
}

// fitsInteger reports whether an item is an integer, or an integral float, in
// the range of one of integerTypes.
func fitsInteger(it item, name string) bool {
	size, _ := strconv.Atoi(name[1:])
	if it.float() {
		f := it.value()
		switch {
		case f != math.Trunc(f):
			return false
		case f >= 0 && f < 1<<64:
			it = item{major: majorUint, arg: uint64(f)}
		case f < 0 && f >= -1<<63:
			it = item{major: majorNegative, arg: uint64(-1 - int64(f))}
		default:
			return false
		}
	}
	if name[0] == 's' {
		return it.major <= majorNegative && it.arg <= 1<<(size-1)-1
	}
	return it.major == majorUint && it.arg <= math.MaxUint64>>(64-size)
}

// fitsFloat reports whether an item is a float, or an integer that loses nothing
// as a float with so many significant bits.
func fitsFloat(it item, significant int) bool {
	if it.major > majorNegative {
		return it.float()
	}
	n := it.arg
	if it.major == majorNegative {
		n++ // -2^64 overflows to 0, and is exact
	}
	return n == 0 || bits.Len64(n)-bits.TrailingZeros64(n) <= significant
}

// describe says what the item is, for messages.
func (it item) describe() string {
	switch it.major {
	case majorUint:
		return strconv.FormatUint(it.arg, 10)
	case majorNegative:
		return it.negative()
	case majorTag:
		if it.arg >= tagBignum {
			return "a bignum"
		}
		return "a time"
	case majorSimple:
		switch {
		case it.float():
			return strconv.FormatFloat(it.value(), 'g', -1, 64)
		case it.null():
			return "null"
		case it.bool():
			return "a bool"
		}
		return fmt.Sprintf("simple value %d", it.arg)
	}
	return [...]string{majorBytes: "bytes", majorText: "text", majorArray: "an array", majorMap: "a map"}[it.major]
}
