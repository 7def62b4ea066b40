package amino

import (
	"errors"
	"reflect"
	"runtime"
	"strconv"

	"amino.run/guest/internal/bridge"
	"amino.run/guest/internal/snake"
	"amino.run/guest/internal/value"
)

// A service is a user's struct as a microservice: its methods by their names on
// the wire, found by reflection once.
type service struct {
	name        string
	doc         string
	self        reflect.Value // the pointer to the struct; invalid before the constructor ran
	constructor *function     // nil if a value is served
	methods     map[string]*function
	order       []*function
	chain       []string
	source      []string

	args   value.Reader
	resume []func()
}

var errorType = reflect.TypeFor[error]()

// newService inspects what a user serves: a pointer to a struct, or a function
// that returns one and perhaps an error.
func newService(served any) (*service, error) {
	v := reflect.ValueOf(served)
	s := &service{methods: map[string]*function{}}
	switch {
	case v.Kind() == reflect.Func && v.Type().NumOut() > 0:
		c, err := newFunction("constructor", v, 0)
		if err != nil {
			return nil, err
		}
		s.constructor = c
	case v.Kind() == reflect.Pointer && !v.IsNil():
		s.self = v
	}
	t := s.typ()
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil, errors.New("serve a pointer to a struct, or a function that returns one")
	}
	s.name = snake.Case(t.Elem().Name(), '-')
	for i := range t.NumMethod() {
		m := t.Method(i)
		f, err := newFunction(m.Name, m.Func, 1)
		if err != nil {
			return nil, err
		}
		if s.methods[f.wire] != nil {
			return nil, errors.New("two methods are both called " + f.wire)
		}
		s.methods[f.wire] = f
		s.order = append(s.order, f)
	}
	return s, nil
}

// typ returns the type of the pointer to the user's struct.
func (s *service) typ() reflect.Type {
	switch {
	case s.constructor != nil:
		return s.constructor.fn.Type().Out(0)
	case s.self.IsValid():
		return s.self.Type()
	}
	return nil
}

// handle answers a call frame: it appends the reply frame to out.
func (s *service) handle(frame, out []byte) (reply []byte) {
	defer func() {
		if r := recover(); r != nil {
			reply = appendError(out, recovered(r))
		}
	}()
	kind, method, args, err := parseCall(frame)
	if err != nil {
		return appendError(out, err)
	}
	switch kind {
	case kindConstructor:
		return s.construct(args, out)
	case kindMethod:
	default:
		return appendError(out, &Error{BadArgument, "call frame of an unknown kind"})
	}
	f := s.methods[string(method)]
	if f == nil {
		return appendError(out, &Error{UnknownMethod, s.name + " has no method " + string(method)})
	}
	if !s.self.IsValid() {
		if err := s.make(emptyArray); err != nil {
			return appendError(out, err)
		}
	}
	return f.call(s, args, out)
}

var emptyArray = []byte{0x80}

func (s *service) construct(args, out []byte) []byte {
	if s.constructor == nil {
		s.args.Reset(args)
		if n, err := s.args.Array(); err != nil || n > 0 {
			return appendError(out, &Error{BadArgument, s.name + " takes no arguments to be made"})
		}
		return append(out, 0, 0)
	}
	if err := s.make(args); err != nil {
		return appendError(out, err)
	}
	return append(out, 0, 0)
}

// make calls the user's constructor.
func (s *service) make(args []byte) error {
	in, err := s.constructor.arguments(&s.args, args, nil)
	if err != nil {
		return err
	}
	out := s.constructor.fn.Call(in)
	if len(out) == 2 && !out[1].IsNil() {
		return out[1].Interface().(error)
	}
	if out[0].IsNil() {
		return errors.New("the constructor of " + s.name + " returned nil")
	}
	s.self = out[0]
	return nil
}

// recovered turns a panic into an error of the application, and logs where it
// came from.
func recovered(r any) error {
	if bridge.Current != nil {
		stack := make([]byte, 4096)
		Log(LevelError, panicError(r).Error()+"\n"+string(stack[:runtime.Stack(stack, false)]))
	}
	return panicError(r)
}

func panicError(r any) error {
	switch r := r.(type) {
	case error:
		return errors.New("panic: " + r.Error())
	case string:
		return errors.New("panic: " + r)
	case interface{ String() string }:
		return errors.New("panic: " + r.String())
	case int:
		return errors.New("panic: " + strconv.Itoa(r))
	}
	return errors.New("panic: a " + reflect.TypeOf(r).String())
}

func init() {
	bridge.Handle = func(served any) (func([]byte) []byte, error) {
		s, err := newService(served)
		if err != nil {
			return nil, err
		}
		return func(frame []byte) []byte { return s.handle(frame, nil) }, nil
	}
}
