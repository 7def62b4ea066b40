package amino

import (
	"errors"
	"strconv"

	"amino.run/guest/internal/bridge"
	"amino.run/guest/internal/value"
)

// A Value is any value as it crosses the wall, kept as CBOR: what a microservice
// takes or returns that passes values on without looking inside. Its method
// Decode looks inside. The zero Value is null.
type Value = value.Raw

// ValueOf returns v as a Value.
func ValueOf(v any) (Value, error) { return value.Append(nil, v) }

// Call calls a method of another microservice and returns its result. The
// method's name is spelled as every language sees it: put_all, not PutAll. Use
// Call[any] if the result is of no interest. A failed call is an *Error; a result
// that is no T is another error, and the call has then run.
func Call[T any](target, method string, args ...any) (T, error) {
	return request[T](kindMethod, target, method, args)
}

// Verb asks a deployment manager of a microservice for something, such as
// checkpoint or migrate. Arguments, result and errors are as in Call.
func Verb[T any](target, verb string, args ...any) (T, error) {
	return request[T](kindVerb, target, verb, args)
}

func request[T any](kind byte, target, name string, args []any) (result T, err error) {
	reply, err := send(kind, target, name, args)
	if err != nil {
		return result, err
	}
	b, err := parseReply(reply)
	if err != nil {
		return result, err
	}
	if err := Value(b).Decode(&result); err != nil {
		return result, errors.New("result of " + target + "." + name + ": " + err.Error())
	}
	return result, nil
}

// scratch is the last request's buffer. It is nil while a request uses it.
var scratch []byte

func send(kind byte, target, name string, args []any) ([]byte, error) {
	frame := scratch[:0]
	scratch = nil
	frame, err := appendRequest(frame, kind, target, name)
	if err != nil {
		return nil, err
	}
	frame = value.AppendArrayHead(frame, len(args))
	for i, a := range args {
		if frame, err = value.Append(frame, a); err != nil {
			return nil, &Error{BadArgument, "argument " + strconv.Itoa(i) + " of " + target + "." + name + ": " + err.Error()}
		}
	}
	reply := host().Invoke(frame)
	if cap(frame) <= keep {
		scratch = frame
	}
	return reply, nil
}

// keep is the largest buffer that is kept from one call to the next, in bytes:
// what is kept is part of every snapshot.
const keep = 64 << 10

func host() bridge.Host {
	if bridge.Current == nil {
		panic("no kernel here: in a test, use package amino.run/guest/aminotest")
	}
	return bridge.Current
}
