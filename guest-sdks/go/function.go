package amino

import (
	"errors"
	"reflect"
	"strconv"

	"amino.run/guest/internal/snake"
	"amino.run/guest/internal/value"
)

// A function is a method or the constructor, ready to be called from a frame.
type function struct {
	name     string // in Go
	wire     string
	fn       reflect.Value
	skip     int            // 1 for a method: its first parameter is the receiver
	params   []reflect.Type // without the receiver
	required int            // how many arguments there must be: pointers at the end may be left out
	result   reflect.Type   // nil if there is none
	fails    bool           // the last result is an error
	readOnly bool
	doc      string
	names    []string // of the parameters, as far as they are known
	in       []reflect.Value
}

// newFunction inspects fn. It refuses parameters and results that cannot cross the wall.
func newFunction(name string, fn reflect.Value, skip int) (*function, error) {
	t := fn.Type()
	f := &function{name: name, wire: snake.Case(name, '_'), fn: fn, skip: skip}
	if t.IsVariadic() {
		return nil, errors.New(name + " takes ...; let it take a slice, or a pointer for what may be left out")
	}
	for i := skip; i < t.NumIn(); i++ {
		p := t.In(i)
		if value.Type(p) == "" {
			return nil, errors.New(name + " takes a " + p.String() + ", which cannot be sent")
		}
		f.params = append(f.params, p)
		if p.Kind() != reflect.Pointer {
			f.required = len(f.params)
		}
	}
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == errorType {
		f.fails = true
		n--
	}
	switch {
	case skip == 0: // the constructor's result is the struct
	case n > 1:
		return nil, errors.New(name + " returns " + strconv.Itoa(n) + " values; return one, perhaps a struct")
	case n == 1 && value.Type(t.Out(0)) == "":
		return nil, errors.New(name + " returns a " + t.Out(0).String() + ", which cannot be sent")
	case n == 1:
		f.result = t.Out(0)
	}
	return f, nil
}

// call calls the method with the arguments of a frame and appends the reply
// frame to out. Nothing runs if the arguments do not fit.
func (f *function) call(s *service, args, out []byte) []byte {
	in := append(f.in[:0], s.self)
	f.in = nil // a method may be called again from within by a test's fakes
	in, err := f.arguments(&s.args, args, in)
	if err != nil {
		return appendError(out, err)
	}
	results := f.fn.Call(in)
	clear(in)
	f.in = in
	if f.fails {
		if e := results[len(results)-1]; !e.IsNil() {
			return appendError(out, e.Interface().(error))
		}
	}
	reply := append(out, 0, 0)
	if f.result == nil {
		return reply
	}
	reply, err = value.AppendReflect(reply, results[0], 0)
	if err != nil {
		return appendError(out, errors.New("result of "+f.wire+": "+err.Error()))
	}
	return reply
}

// arguments appends the decoded arguments to in; pointers that were left out are nil.
func (f *function) arguments(r *value.Reader, args []byte, in []reflect.Value) ([]reflect.Value, error) {
	r.Reset(args)
	n, err := r.Array()
	if err != nil {
		return nil, &Error{BadArgument, "arguments: " + err.Error()}
	}
	if n < f.required || n > len(f.params) {
		return nil, &Error{BadArgument, f.wire + " takes " + f.count() + ", not " + strconv.Itoa(n)}
	}
	for i := range n {
		p := reflect.New(f.params[i]).Elem()
		if err := r.Value(p); err != nil {
			return nil, &Error{BadArgument, "argument " + f.param(i) + " of " + f.wire + ": " + err.Error()}
		}
		in = append(in, p)
	}
	if err := r.Done(); err != nil {
		return nil, &Error{BadArgument, "arguments: " + err.Error()}
	}
	for _, p := range f.params[n:] {
		in = append(in, reflect.Zero(p))
	}
	return in, nil
}

func (f *function) count() string {
	n := len(f.params)
	switch {
	case n > f.required:
		return strconv.Itoa(f.required) + " to " + strconv.Itoa(n) + " arguments"
	case n == 1:
		return "1 argument"
	}
	return strconv.Itoa(n) + " arguments"
}

// param returns the name of parameter i.
func (f *function) param(i int) string {
	if i < len(f.names) {
		return f.names[i]
	}
	return "arg" + strconv.Itoa(i)
}
