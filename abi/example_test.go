package abi_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"amino.run/abi"
)

func Example() {
	args, _ := abi.Args("tea", 3)
	frame := abi.AppendCall(nil, abi.Method, 0, "put", args)
	fmt.Printf("call  %x\n", frame)

	reply := abi.AppendReply(nil, nil, abi.AppError("sold out"))
	_, err := abi.ParseReply(reply)
	fmt.Printf("reply %x: %v (%s)\n", reply, err, abi.CodeOf(err).Fate())
	// Output:
	// call  00000300707574826374656103
	// reply 0100736f6c64206f7574: sold out (the call ran)
}

func ExampleErrorf() {
	err := fmt.Errorf("moving kv: %w", abi.Errorf(abi.Placement, "no node has the label tier=edge"))
	fmt.Println(err, errors.Is(err, abi.ErrPlacement), abi.CodeOf(err))
	// Output: moving kv: no node has the label tier=edge true placement
}

func ExampleToJSON() {
	b, _ := abi.Encode(map[string]any{"n": uint64(1<<64 - 1), "f": 2.0, "b": []byte("hi")})
	text, _ := abi.ToJSON(b)
	fmt.Println(string(text))
	// Output: {"b":{"$bytes":"aGk="},"f":2.0,"n":18446744073709551615}
}

func ExampleFromJSON() {
	b, _ := abi.FromJSON([]byte(`{"at": {"$time": "2026-03-29T12:00:00Z"}, "n": 9007199254740993}`))
	fmt.Println(abi.Diag(b))
	// Output: {"n": 9007199254740993, "at": 0("2026-03-29T12:00:00Z")}
}

func ExampleMethodType_CheckArgs() {
	add := &abi.MethodType{Name: "add", Params: []abi.Param{{Name: "by", Type: "s64"}}}
	two, _ := abi.Args(1, 2)
	text, _ := abi.Args("five")
	fmt.Println(add.CheckArgs(two))
	fmt.Println(add.CheckArgs(text))
	// Output:
	// add takes 1 argument (by: s64), got 2
	// argument 1 (by) of add is text, want s64
}

func ExampleMethodType_ConvertJSON() {
	scale := &abi.MethodType{Name: "scale", Params: []abi.Param{{Name: "x", Type: "f64"}, {Name: "by", Type: "f64"}}}
	args, _ := scale.ConvertJSON([]json.RawMessage{json.RawMessage("3"), json.RawMessage("0.5")})
	fmt.Println(abi.Diag(args))
	// Output: [3.0, 0.5]
}

func ExampleMethodType_ParseWords() {
	greet := &abi.MethodType{Name: "greet", Params: []abi.Param{{Name: "who", Type: "string"}, {Name: "times", Type: "u8"}}}
	args, _ := greet.ParseWords([]string{"World", "2"})
	fmt.Println(abi.Diag(args))
	_, err := greet.ParseWords([]string{"World", "300"})
	fmt.Println(err)
	// Output:
	// ["World", 2]
	// argument 2 (times) of greet is 300, want u8
}

func ExampleParseManifest() {
	_, err := abi.ParseManifest([]byte(`{"abi": 1, "name": "counter", "methods": [
		{"name": "add", "params": [{"name": "by", "type": "int"}]}]}`))
	fmt.Println(err)
	// Output: manifest: method add: parameter by: type "int": no type int: use bool, f32, f64, char, string, time, value, s8, s16, s32, s64, u8, u16, u32, u64, list<T>, option<T>, tuple<T, ...> or map<K, T>
}
