package conformance

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/host"
)

// constructor gives an argument, leaves it out or null, and gives what is no label.
func constructor(t *testing.T, m *module, _ Options) {
	if got := result[string](m.start(t, "mine"), "label"); got != "mine" {
		t.Errorf("label = %q, want mine", got)
	}
	for _, args := range [][]any{nil, {nil}} {
		if got := result[string](m.start(t, args...), "label"); got != "none" {
			t.Errorf("constructor%v: label = %q, want none", args, got)
		}
	}
	if got := result[string](m.start(t, ""), "label"); got != "" {
		t.Errorf("an empty argument: label = %q", got)
	}
	for _, args := range [][]any{{7}, {[]string{"mine"}}, {nil, nil}} {
		g := m.instantiate(t, newWorld(), host.Limits{}, m.booted)
		if _, err := g.invoke(abi.Constructor, 0, "", args); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("constructor(%v): %v, want a bad argument", args, err)
		}
	}
}

// methods calls every method that has a result of its own, with ordinary arguments and
// those at the edges of their types.
func methods(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	for _, c := range []struct {
		method string
		args   []any
		want   any
	}{
		{"add", []any{2, 3}, int64(5)},
		{"add", []any{math.MaxInt64, 0}, int64(math.MaxInt64)},
		{"add", []any{math.MinInt64, 0}, int64(math.MinInt64)},
		{"add", []any{math.MaxInt64, math.MinInt64}, int64(-1)},
		{"add", []any{2.0, -3.0}, int64(-1)}, // integral floats are integers
		{"add", []any{1 << 53, 1}, int64(1<<53 + 1)},
		{"scale", []any{2.5, 4.0}, 10.0},
		{"scale", []any{3, 0.5}, 1.5}, // integers are floats
		{"scale", []any{math.Inf(1), 2.0}, math.Inf(1)},
		{"scale", []any{5e-324, 1.0}, 5e-324},
		{"scale", []any{0.1, 3.0}, 0.1 * float64(three)},
		{"join", []any{[]string{"a", "b", "c"}, ", "}, "a, b, c"},
		{"join", []any{[]string{}, ", "}, ""},
		{"join", []any{[]string{"é", "🙂", ""}, "-"}, "é-🙂-"},
		{"flip", []any{true}, false},
		{"flip", []any{false}, true},
		{"reverse", []any{[]byte{0, 1, 254, 255}}, []byte{255, 254, 1, 0}},
		{"reverse", []any{[]byte{}}, []byte{}},
		{"put", []any{"k", "v"}, uint32(1)},
		{"put", []any{"k", "w"}, uint32(1)},
		{"put", []any{"", ""}, uint32(2)},
		{"put", []any{"ключ", "значение"}, uint32(3)},
		{"get", []any{"k"}, "w"},
		{"get", []any{""}, ""},
		{"get", []any{"ключ"}, "значение"},
		{"keys", nil, []string{"", "k", "ключ"}},
		{"count", []any{5}, int64(5)},
		{"count", []any{-7}, int64(-2)},
	} {
		b, err := g.try(c.method, c.args...)
		if err != nil {
			t.Errorf("%s%v: %v", c.method, c.args, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(c.want))
		if err := abi.Decode(b, got.Interface()); err != nil {
			t.Errorf("%s%v answered %s: %v", c.method, c.args, abi.Diag(b), err)
			continue
		}
		if !reflect.DeepEqual(got.Elem().Interface(), c.want) {
			t.Errorf("%s%v = %v, want %v", c.method, c.args, got.Elem(), c.want)
		}
	}
	if got := result[any](g, "get", "absent"); got != nil {
		t.Errorf("get of an absent key = %v, want null", got)
	}
	if b, err := g.invoke(abi.Method, abi.ReadOnlyFlag, "label", nil); err != nil || !bytes.Equal(b, []byte("\x64none")) {
		t.Errorf("label held to be readonly: %s, %v", abi.Diag(b), err)
	}
}

var three = 3 // not a constant: the product is rounded as the guest's is

// sizes passes values through every allocator's larger and smaller paths.
func sizes(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, 1 << 20, 5 << 20, 10} {
		text := strings.Repeat("x", n)
		if got := result[string](g, "echo", text); got != text {
			t.Fatalf("%d bytes of text came back as %d", n, len(got))
		}
		b := bytes.Repeat([]byte{1, 2}, n)
		got := result[[]byte](g, "reverse", b)
		if slices.Reverse(got); !bytes.Equal(got, b) {
			t.Fatalf("%d bytes were not reversed", 2*n)
		}
	}
	parts := make([]string, 50_000)
	for i := range parts {
		parts[i] = "p"
	}
	if got := result[string](g, "join", parts, ""); len(got) != len(parts) {
		t.Errorf("%d parts were joined to %d bytes", len(parts), len(got))
	}

	g = m.startWithin(t, host.Limits{Memory: 96 << 20})
	text := strings.Repeat("y", 256<<10)
	for i := range 800 { // what is allocated is freed, or the limit is reached
		if _, err := g.try("echo", text); err != nil {
			t.Fatalf("call %d of 256 KiB each: %v", i+1, err)
		}
	}
}

// wrongCalls makes calls that must not run.
func wrongCalls(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	before := g.state()
	for _, method := range []string{"nosuch", "", "Add", "ADD", "add ", "constructor", "new", "__init__", "toString", "amino_invoke", strings.Repeat("m", 60_000)} {
		g.fails(abi.UnknownMethod, method)
		g.fails(abi.UnknownMethod, method, 1, 2)
	}
	for _, c := range []struct {
		method string
		args   []any
	}{
		{"add", nil},
		{"add", []any{1}},
		{"add", []any{1, 2, 3}},
		{"add", []any{"1", 2}},
		{"add", []any{1.5, 2}},
		{"add", []any{uint64(1 << 63), 0}},
		{"add", []any{9223372036854775808.0, 0}},
		{"add", []any{math.NaN(), 0}},
		{"add", []any{math.Inf(-1), 0}},
		{"add", []any{nil, 1}},
		{"add", []any{true, 1}},
		{"add", []any{[]int{1}, 1}},
		{"scale", []any{"2", 1}},
		{"scale", []any{2, nil}},
		{"scale", []any{1<<53 + 1, 1}}, // no float is that integer
		{"join", []any{"ab", "-"}},
		{"join", []any{[]any{"a", 1}, "-"}},
		{"join", []any{[]string{"a"}, 1}},
		{"join", []any{map[string]string{"a": "b"}, "-"}},
		{"flip", []any{1}},
		{"flip", []any{"true"}},
		{"flip", []any{nil}},
		{"reverse", []any{"text"}},
		{"put", []any{"k"}},
		{"put", []any{"k", 1}},
		{"put", []any{1, "v"}},
		{"put", []any{[]byte("k"), "v"}},
		{"put", []any{"k", nil}},
		{"get", []any{nil}},
		{"keys", []any{1}},
		{"label", []any{nil}},
		{"count", nil},
		{"count", []any{0.5}},
		{"fail", []any{1}},
		{"panic", nil},
		{"trap", []any{1}},
		{"spin", []any{1}},
		{"grow", []any{-1}},
		{"grow", []any{1 << 32}},
		{"echo", nil},
		{"echo", []any{1, 2}},
		{"relay", []any{"peer", "label"}},
		{"say", []any{7}},
		{"dice", []any{-1}},
	} {
		g.fails(abi.BadArgument, c.method, c.args...)
	}
	for _, raw := range []string{"\xf6", "\x01", "\xa0", "\x61a", "\x81", "\x82\x01", "\x82\x01\x02\x03", "\x9f\x01", "\x9f\x01\x02", "\xff", "\x1c", "\xc1"} {
		if _, err := g.inst.Invoke(t.Context(), abi.Method, 0, "count", []byte(raw)); abi.CodeOf(err) != abi.BadArgument {
			t.Errorf("count with the arguments %x: %v, want a bad argument", raw, err)
		}
	}
	if got := result[int64](g, "add", 1, 2); got != 3 {
		t.Errorf("after all that, add(1, 2) = %d", got)
	}
	if after := g.state(); !reflect.DeepEqual(after, before) {
		t.Errorf("calls that must not run made %+v of %+v", after, before)
	}
}
