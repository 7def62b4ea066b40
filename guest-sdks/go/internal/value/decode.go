package value

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// Decode reads the one value in b into the variable that v points to.
func Decode(b []byte, v any) error {
	r := Reader{b: b}
	if err := r.Value(reflect.ValueOf(v).Elem()); err != nil {
		return err
	}
	return r.Done()
}

// Array reads the head of an array and returns its length. Its values are read
// next, by Value; each may be nested as deeply as a value alone.
func (r *Reader) Array() (int, error) {
	it, _, err := r.next()
	if err != nil {
		return 0, err
	}
	if it.major != majorArray {
		return 0, mismatch("an array", it)
	}
	if !it.indefinite {
		if it.arg > uint64(len(r.b)-r.off) {
			return 0, errShort
		}
		return int(it.arg), nil
	}
	n, start := 0, r.off // count, then go back
	for ; !r.atBreak(); n++ {
		if err := r.skip(); err != nil {
			return 0, err
		}
	}
	r.b = slices.Concat(r.b[start:r.off-1], r.b[r.off:])
	r.off = 0
	return n, nil
}

// Value reads the next value into v, which can be set. It is an error if v's
// type cannot hold the value without loss. Nothing in v aliases the buffer.
func (r *Reader) Value(v reflect.Value) error {
	t := v.Type()
	switch t {
	case timeType:
		return r.time(v)
	case rawType:
		return r.raw(v)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return r.pointer(v)
	case reflect.Interface:
		return r.iface(v)
	}
	it, _, err := r.next()
	if err != nil {
		return err
	}
	switch t.Kind() {
	case reflect.Bool:
		if !it.isBool() {
			return mismatch("a bool", it)
		}
		v.SetBool(it.info == infoTrue)
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(v, it)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return setUint(v, it)
	case reflect.Float32, reflect.Float64:
		return setFloat(v, it)
	case reflect.String:
		if it.major != majorText {
			return mismatch("text", it)
		}
		s, err := r.span(it)
		v.SetString(string(s))
		return err
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return r.bytes(v, it)
		}
		return r.list(v, it)
	case reflect.Map:
		return r.mapping(v, it)
	case reflect.Struct:
		return r.structure(v, it)
	}
	return errors.New("a " + t.String() + " cannot be received")
}

func mismatch(want string, it item) error {
	return errors.New("want " + want + ", have " + it.kind())
}

func overflow(v reflect.Value) error {
	return errors.New("integer does not fit " + Type(v.Type()))
}

func setInt(v reflect.Value, it item) error {
	var n int64
	switch {
	case it.major == majorUint && it.arg > math.MaxInt64:
		return overflow(v)
	case it.major == majorUint:
		n = int64(it.arg)
	case it.major == majorNegative:
		n = ^int64(it.arg)
	case it.isFloat():
		f := it.float()
		if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
			return errors.New("want an integer, have the float " + strconv.FormatFloat(f, 'g', -1, 64))
		}
		n = int64(f)
	default:
		return mismatch("an integer", it)
	}
	if v.OverflowInt(n) {
		return overflow(v)
	}
	v.SetInt(n)
	return nil
}

func setUint(v reflect.Value, it item) error {
	var n uint64
	switch {
	case it.major == majorUint:
		n = it.arg
	case it.major == majorNegative:
		return overflow(v)
	case it.isFloat():
		f := it.float()
		if f != math.Trunc(f) || f < 0 || f >= 1<<64 {
			return errors.New("want a natural number, have the float " + strconv.FormatFloat(f, 'g', -1, 64))
		}
		n = uint64(f)
	default:
		return mismatch("an integer", it)
	}
	if v.OverflowUint(n) {
		return overflow(v)
	}
	v.SetUint(n)
	return nil
}

// setFloat takes the nearest single where one is asked for: 0.1 is no single.
func setFloat(v reflect.Value, it item) error {
	var f float64
	exact := true
	switch {
	case it.isFloat():
		f = it.float()
	case it.major == majorUint:
		f = float64(it.arg)
		exact = f < 1<<64 && uint64(f) == it.arg
	case it.major == majorNegative:
		n := ^int64(it.arg)
		f = float64(n)
		exact = int64(f) == n
	default:
		return mismatch("a float", it)
	}
	single := v.Kind() == reflect.Float32
	if single && !it.isFloat() {
		exact = exact && float64(float32(f)) == f
	}
	if !exact || single && !math.IsInf(f, 0) && v.OverflowFloat(f) {
		return errors.New("number does not fit " + Type(v.Type()))
	}
	v.SetFloat(f)
	return nil
}

// pointer reads null as nil.
func (r *Reader) pointer(v reflect.Value) error {
	first, err := r.peek()
	if err != nil {
		return err
	}
	if first == cborNull || first == cborNull+1 {
		v.SetZero()
		return r.skip()
	}
	p := reflect.New(v.Type().Elem())
	if err := r.Value(p.Elem()); err != nil {
		return err
	}
	v.Set(p)
	return nil
}

func (r *Reader) bytes(v reflect.Value, it item) error {
	if it.major != majorBytes {
		return mismatch("bytes", it)
	}
	s, err := r.span(it)
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Array {
		if len(s) != v.Len() {
			return lengthError(v, len(s))
		}
		reflect.Copy(v, reflect.ValueOf(s))
		return nil
	}
	v.SetBytes(append(make([]byte, 0, len(s)), s...))
	return nil
}

func lengthError(v reflect.Value, n int) error {
	return errors.New("want " + strconv.Itoa(v.Len()) + " elements, have " + strconv.Itoa(n))
}

func (r *Reader) list(v reflect.Value, it item) error {
	if it.major != majorArray {
		return mismatch("an array", it)
	}
	fixed := v.Kind() == reflect.Array
	if !fixed {
		room := 0
		if !it.indefinite {
			room = int(min(it.arg, 1024)) // a length is only a promise
		}
		v.Set(reflect.MakeSlice(v.Type(), 0, room))
	}
	n := 0
	err := r.each(it, 1, func(i int) error {
		n++
		switch {
		case fixed && i >= v.Len():
			return r.skip()
		case !fixed && i >= v.Cap():
			v.Grow(1)
			fallthrough
		case !fixed:
			v.SetLen(i + 1)
			v.Index(i).SetZero()
		}
		if err := r.Value(v.Index(i)); err != nil {
			return errors.New("element " + strconv.Itoa(i) + ": " + err.Error())
		}
		return nil
	})
	if err == nil && fixed && n != v.Len() {
		return lengthError(v, n)
	}
	return err
}

func (r *Reader) mapping(v reflect.Value, it item) error {
	if it.major != majorMap {
		return mismatch("a map", it)
	}
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	return r.each(it, 2, func(int) error {
		key, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := r.Value(key); err != nil {
			return errors.New("key: " + err.Error())
		}
		if err := r.Value(val); err != nil {
			return errors.New("entry: " + err.Error())
		}
		v.SetMapIndex(key, val)
		return nil
	})
}

// structure ignores entries that have no field and leaves fields that have no
// entry at zero, so that both sides may grow.
func (r *Reader) structure(v reflect.Value, it item) error {
	if it.major != majorMap {
		return mismatch("a map", it)
	}
	fields := fieldsOf(v.Type())
	v.SetZero()
	return r.each(it, 2, func(int) error {
		key, _, err := r.next()
		if err != nil {
			return err
		}
		if key.major != majorText {
			return mismatch("a field's name", key)
		}
		name, err := r.span(key)
		if err != nil {
			return err
		}
		for _, f := range fields {
			if f.name != string(name) {
				continue
			}
			if err := r.Value(v.Field(f.index)); err != nil {
				return errors.New(f.name + ": " + err.Error())
			}
			return nil
		}
		return r.skip()
	})
}

// raw keeps the bytes of the next value, tags and all.
func (r *Reader) raw(v reflect.Value) error {
	start := r.off
	if err := r.skip(); err != nil {
		return err
	}
	v.SetBytes(slices.Clone(r.b[start:r.off]))
	return nil
}
