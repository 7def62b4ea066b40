package abi

import (
	"errors"
	"sync"
	"testing"
)

// TestCheckType: values in hex, and what is said of them; "" is that they fit.
func TestCheckType(t *testing.T) {
	for typ, values := range map[string]map[string]string{
		"bool":   {"f5": "", "f4": "", "00": "0", "f6": "null", "f97e00": "NaN"},
		"u8":     {"00": "", "18ff": "", "190100": "256", "20": "-1", "f93c00": "", "f9bc00": "-1", "f93e00": "1.5", "f7": "null", "6131": "text"},
		"s8":     {"187f": "", "1880": "128", "387f": "", "3880": "-129", "f95800": "128", "f9d800": ""},
		"u16":    {"19ffff": "", "1a00010000": "65536"},
		"s16":    {"397fff": "", "398000": "-32769"},
		"u32":    {"1affffffff": "", "1b0000000100000000": "4294967296"},
		"s32":    {"1a7fffffff": "", "1a80000000": "2147483648", "3a7fffffff": ""},
		"u64":    {"1bffffffffffffffff": "", "fa5f800000": "1.8446744073709552e+19", "fb43efffffffffffff": "", "3bffffffffffffffff": "-18446744073709551616"},
		"s64":    {"1b7fffffffffffffff": "", "1b8000000000000000": "9223372036854775808", "3b7fffffffffffffff": "", "3b8000000000000000": "-9223372036854775809", "fa5f000000": "9.223372036854776e+18", "fadf000000": "", "f97c00": "+Inf", "c249010000000000000000": "a bignum", "d903e805": ""},
		"f64":    {"f93c00": "", "fb3ff199999999999a": "", "05": "", "1b0020000000000000": "", "1b0020000000000001": "9007199254740993", "3b001fffffffffffff": "", "3bffffffffffffffff": "", "1bfffffffffffff800": "", "f97e00": "", "6131": "text", "f5": "a bool"},
		"f32":    {"fb3fb999999999999a": "", "1a01000000": "", "1a01000001": "16777217", "3a00ffffff": "", "1bffffff0000000000": ""},
		"string": {"6161": "", "7f61616162ff": "", "4161": "bytes", "61ff": "text that is not UTF-8", "7f61c361a9ff": "", "c06161": "a time"},
		"char":   {"6161": "", "62c3a9": "", "60": "text of 0 characters", "626161": "text of 2 characters", "05": "5"},
		"time":   {"c100": "", "c0" + "74" + "323031332d30332d32315432303a30343a30305a": "", "c06161": "no instant of the years 0 to 9999", "c16161": "no instant of the years 0 to 9999", "00": "0", "d903e8c100": ""},
		"value":  {"f0": "", "3bffffffffffffffff": "", "a18001": ""},

		"list<u8>":                  {"4101": "", "5f41014102ff": "", "8101": "an array", "6161": "text"},
		"list<s64>":                 {"80": "", "820102": "", "9f0102ff": "", "4101": "bytes", "a0": "a map"},
		"option<s64>":               {"f6": "", "f7": "", "05": "", "d903e8f6": ""},
		"option<list<u8>>":          {"f6": "", "4101": ""},
		"tuple<s64, string>":        {"82016161": "", "9f016161ff": "", "8101": "an array of 1", "8301616101": "an array of 3"},
		"map<string, s64>":          {"a0": "", "a1616101": "", "bf616101ff": "", "80": "an array"},
		"map<u8, map<s8, value>>":   {"a101a120f5": ""},
		"list<tuple<value, value>>": {"8182a001": "", "82820102820304": ""},
	} {
		for in, want := range values {
			err := method(typ).CheckArgs(unhex(t, "81"+in))
			switch {
			case want == "" && err != nil:
				t.Errorf("%s: %v", in, err)
			case want != "" && (err == nil || err.Error() != "argument 1 (a) of do is "+want+", want "+typ):
				t.Errorf("%s as %s: %v, want %q", in, typ, err, want)
			}
		}
	}
}

// TestCheckPath says where in an argument the fault is.
func TestCheckPath(t *testing.T) {
	for _, c := range []struct{ typ, in, want string }{
		{"list<string>", "8261610" + "5", "element 2 is 5, want string"},
		{"tuple<s64, string>", "820505", "element 2 is 5, want string"},
		{"map<string, s64>", "a20501616102", "key 1 is 5, want string"},
		{"map<string, s64>", "a2616101616261" + "62", "value 2 is text, want s64"},
		{"list<map<u8, list<bool>>>", "81a10582f500", "element 1, value 1, element 2 is 0, want bool"},
		{"list<tuple<s8, s8>>", "818101", "element 1 is an array of 1, want tuple<s8, s8>"},
		{"option<list<f64>>", "81f5", "element 1 is a bool, want f64"},
	} {
		err := method("value", c.typ).CheckArgs(unhex(t, "8201"+c.in))
		if want := "argument 2 (b) of do: " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s as %s: %v, want %s", c.in, c.typ, err, want)
		}
	}
}

func TestCheckNumber(t *testing.T) {
	add := &MethodType{Name: "add", Params: []Param{{"by", "s64"}}}
	for _, c := range []struct {
		m        *MethodType
		in, want string
	}{
		{add, "8105", ""},
		{add, "9f05ff", ""},
		{add, "d9d9f78105", ""},
		{add, "820506", "add takes 1 argument (by: s64), got 2"},
		{add, "", "add takes 1 argument (by: s64), got 0"},
		{add, "9fff", "add takes 1 argument (by: s64), got 0"},
		{add, "9f0505ff", "add takes 1 argument (by: s64), got 2"},
		{add, "816161", "argument 1 (by) of add is text, want s64"},
		{add, "05", "arguments of add are 5, want an array"},
		{add, "a0", "arguments of add are a map, want an array"},
		{add, "81", "arguments of add: not CBOR: unexpected EOF"},
		{method(), "", ""},
		{method(), "80", ""},
		{method(), "8101", "do takes no arguments, got 1"},
		{method("s8", "s8"), "80", "do takes 2 arguments (a: s8, b: s8), got 0"},
		{method("s8", "option<s8>", "option<s8>"), "8101", ""},
		{method("s8", "option<s8>", "option<s8>"), "8301f6" + "01", ""},
		{method("s8", "option<s8>"), "80", "do takes 1 to 2 arguments (a: s8, b: option<s8>), got 0"},
		{method("option<s8>"), "", ""},
		{method("option<s8>", "s8"), "8101", "do takes 2 arguments (a: option<s8>, b: s8), got 1"},
		{&MethodType{Params: []Param{{"start", "s64"}}}, "", "the constructor takes 1 argument (start: s64), got 0"},
		{&MethodType{Params: []Param{{"start", "s64"}}}, "81f5", "argument 1 (start) of the constructor is a bool, want s64"},
	} {
		err := c.m.CheckArgs(unhex(t, c.in))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.in, err)
		case c.want != "" && (!errors.Is(err, ErrBadArgument) || err.Error() != c.want):
			t.Errorf("%s: %v, want %q", c.in, err, c.want)
		}
	}
}

func TestCheckUnparsedType(t *testing.T) {
	if err := method("int").CheckArgs([]byte{0x81, 1}); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want refused", err)
	}
}

// TestCheckVectors: every value fits the type value, and no broken one does.
func TestCheckVectors(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Hex == "" { // an array of one without its element
			continue
		}
		err := method("value").CheckArgs(unhex(t, "81"+v.Hex))
		if (err == nil) != (v.Read != "no") {
			t.Errorf("%s (%s): %v", v.Hex, v.Read, err)
		}
	}
}

func TestCheckArgsDoesNotAllocate(t *testing.T) {
	m := parsedMethod(t)
	args, err := Args("key", []byte("value"), 7, []float64{1, 2.5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { err = m.CheckArgs(args) }); n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

func parsedMethod(t testing.TB) *MethodType {
	t.Helper()
	m, err := ParseManifest([]byte(`{"abi": 1, "name": "kv", "methods": [{"name": "put", "params": [
		{"name": "k", "type": "string"}, {"name": "v", "type": "list<u8>"}, {"name": "n", "type": "u32"},
		{"name": "f", "type": "list<f64>"}, {"name": "o", "type": "option<string>"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return m.Method("put")
}

func BenchmarkCheckArgs(b *testing.B) {
	m := parsedMethod(b)
	args, _ := Args("key", []byte("value"), 7, []float64{1, 2.5}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.CheckArgs(args); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCheckConcurrently: a parsed manifest serves many callers at once; -race tells.
func TestCheckConcurrently(t *testing.T) {
	m := parsedMethod(t)
	good, err := Args("k", []byte("v"), 1, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	bad, err := Args("k", "v", 1, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if err := m.CheckArgs(good); err != nil {
					t.Error(err)
				}
				if err := m.CheckArgs(bad); err == nil || err.Error() != "argument 2 (v) of put is text, want list<u8>" {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
