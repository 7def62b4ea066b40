package dmtest

import (
	"slices"
	"time"

	"amino.run/abi"
	"amino.run/dms"
)

// A Guest is a microservice written in Go, for tests. It is entered by one
// goroutine at a time.
type Guest interface {
	// Invoke carries out a method. An error of a code whose fate is abi.Undone
	// makes the host put the state before the call back.
	Invoke(call dms.Call) ([]byte, error)

	// ReadOnly reports what a manifest would say of the method.
	ReadOnly(method string) bool

	Snapshot() []byte
	Restore(image []byte)
}

// A CallingGuest is a Guest that calls others: by their IDs, from its node, as part of
// the call it is inside of.
type CallingGuest interface {
	Guest
	InvokeCalling(call dms.Call, out func(target, method string, args ...any) ([]byte, error)) ([]byte, error)
}

// A List is a guest that remembers numbers in the order in which they came, so
// that a history of its calls shows what ran, how often and in which order.
//
//	append(n, ms)  adds n after ms milliseconds, and answers how many there are
//	fail(n)        adds n and returns an error of the application
//	trap(n)        adds n and traps
//	list()         answers the numbers; readonly
//	work(ms)       takes ms milliseconds; readonly
type List struct{ numbers []int }

// NewList returns an empty List.
func NewList() Guest { return new(List) }

// Invoke implements Guest.
func (l *List) Invoke(call dms.Call) ([]byte, error) {
	var args []int
	if err := abi.Decode(call.Args, &args); err != nil {
		return nil, err
	}
	arg := func(i int) int {
		if i < len(args) {
			return args[i]
		}
		return 0
	}
	switch call.Method {
	case "append":
		time.Sleep(time.Duration(arg(1)) * time.Millisecond)
		l.numbers = append(l.numbers, arg(0))
		return abi.Encode(len(l.numbers))
	case "fail":
		l.numbers = append(l.numbers, arg(0))
		return nil, abi.AppError("failed")
	case "trap":
		l.numbers = append(l.numbers, arg(0))
		return nil, &abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "unreachable"}
	case "list":
		return abi.Encode(l.numbers)
	case "work":
		time.Sleep(time.Duration(arg(0)) * time.Millisecond)
		return nil, nil
	}
	return nil, abi.Errorf(abi.UnknownMethod, "no method %q", call.Method)
}

// ReadOnly implements Guest.
func (l *List) ReadOnly(method string) bool { return slices.Contains([]string{"list", "work"}, method) }

// Manifest returns what the manifest of a List would say. A guest without a Manifest
// has one that names no method.
func (l *List) Manifest() *abi.Manifest {
	number := func(name string) abi.Param { return abi.Param{Name: name, Type: "s64"} }
	return &abi.Manifest{ABI: abi.Version, Name: "list", Methods: []abi.MethodType{
		{Name: "append", Params: []abi.Param{number("n"), number("ms")}, Result: "s64"},
		{Name: "fail", Params: []abi.Param{number("n")}},
		{Name: "trap", Params: []abi.Param{number("n")}},
		{Name: "list", Result: "list<s64>", ReadOnly: true},
		{Name: "work", Params: []abi.Param{number("ms")}, ReadOnly: true},
	}}
}

// Snapshot implements Guest.
func (l *List) Snapshot() []byte {
	b, err := abi.Encode(l.numbers)
	if err != nil {
		panic(err) // numbers have a CBOR form
	}
	return b
}

// Restore implements Guest.
func (l *List) Restore(image []byte) {
	l.numbers = nil
	if err := abi.Decode(image, &l.numbers); err != nil {
		panic("dmtest: an image that is none: " + err.Error())
	}
}
