package value

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var errYear = errors.New("a time outside the years 0 to 9999")

// appendTime writes tag 0 and the time as RFC 3339 text, in UTC.
func appendTime(b []byte, t time.Time) ([]byte, error) {
	t, err := inRange(t.UTC())
	if err != nil {
		return b, err
	}
	text := t.AppendFormat(nil, time.RFC3339Nano)
	b = appendHead(b, majorTag, 0)
	return append(appendHead(b, majorText, uint64(len(text))), text...), nil
}

// time reads tag 0 and tag 1, and also bare text and numbers.
func (r *Reader) time(v reflect.Value) error {
	it, _, err := r.next()
	if err != nil {
		return err
	}
	t, err := r.timeOf(it)
	v.Set(reflect.ValueOf(t))
	return err
}

// timeOf returns the time that an item stands for, in UTC.
func (r *Reader) timeOf(it item) (t time.Time, err error) {
	switch {
	case it.major == majorText:
		s, err := r.span(it)
		if err != nil {
			return t, err
		}
		t, err = time.Parse(time.RFC3339Nano, strings.ToUpper(string(s)))
		if err != nil {
			return t, errors.New("not a time: " + strconv.Quote(string(s)))
		}
	case it.major == majorUint && it.arg <= math.MaxInt64:
		t = time.Unix(int64(it.arg), 0)
	case it.major == majorNegative:
		t = time.Unix(^int64(it.arg), 0)
	case it.isFloat() && math.Abs(it.float()) < 1<<53:
		sec, frac := math.Modf(it.float())
		t = time.Unix(int64(sec), int64(math.Round(frac*1e9)))
	default:
		return t, mismatch("a time", it)
	}
	return inRange(t.UTC())
}

// inRange refuses what RFC 3339 cannot write.
func inRange(t time.Time) (time.Time, error) {
	if year := t.Year(); year < 0 || year > 9999 {
		return time.Time{}, errYear
	}
	return t, nil
}
