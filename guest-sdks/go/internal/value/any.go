package value

import (
	"errors"
	"math"
	"reflect"
)

// iface reads any value into an empty interface: nil, bool, int64 (uint64 above
// its range), float64, string, []byte, time.Time, []any, map[string]any, or
// map[any]any where a key is not text.
func (r *Reader) iface(v reflect.Value) error {
	if v.NumMethod() != 0 {
		return errors.New("a " + v.Type().String() + " cannot be received")
	}
	x, err := r.any()
	if err != nil {
		return err
	}
	if x == nil {
		v.SetZero()
		return nil
	}
	v.Set(reflect.ValueOf(x))
	return nil
}

func (r *Reader) any() (any, error) {
	it, isTime, err := r.next()
	if err != nil {
		return nil, err
	}
	if isTime {
		return r.timeOf(it)
	}
	switch it.major {
	case majorUint:
		if it.arg > math.MaxInt64 {
			return it.arg, nil
		}
		return int64(it.arg), nil
	case majorNegative:
		return ^int64(it.arg), nil
	case majorBytes:
		s, err := r.span(it)
		return append([]byte{}, s...), err
	case majorText:
		s, err := r.span(it)
		return string(s), err
	case majorArray:
		list := []any{}
		err := r.each(it, 1, func(int) error {
			x, err := r.any()
			list = append(list, x)
			return err
		})
		return list, err
	case majorMap:
		return r.anyMap(it)
	}
	switch {
	case it.isBool():
		return it.info == infoTrue, nil
	case it.isNull():
		return nil, nil
	case it.isFloat():
		return it.float(), nil
	}
	return nil, errors.New(it.kind() + " is not a value of this ABI")
}

func (r *Reader) anyMap(it item) (any, error) {
	byText, byAny := map[string]any{}, map[any]any(nil)
	err := r.each(it, 2, func(int) error {
		key, err := r.any()
		if err != nil {
			return err
		}
		x, err := r.any()
		if err != nil {
			return err
		}
		text, ok := key.(string)
		switch {
		case ok && byAny == nil:
			byText[text] = x
			return nil
		case ok:
		case reflect.ValueOf(key).CanInt(), reflect.ValueOf(key).CanUint():
			if byAny == nil {
				byAny = make(map[any]any, len(byText)+1)
				for k, x := range byText {
					byAny[k] = x
				}
			}
		default:
			return errors.New("a map's keys must be text or integers")
		}
		byAny[key] = x
		return nil
	})
	if byAny != nil {
		return byAny, err
	}
	return byText, err
}
