package abi

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

func TestFromJSON(t *testing.T) {
	for in, want := range map[string]string{
		`5`:                                      "05",
		`-5`:                                     "24",
		`-0`:                                     "00",
		`5.0`:                                    "f94500",
		`5e0`:                                    "f94500",
		`0.1`:                                    "fb3fb999999999999a",
		`-0.0`:                                   "f98000",
		`9007199254740993`:                       "1b0020000000000001",
		`9223372036854775807`:                    "1b7fffffffffffffff",
		`9223372036854775808`:                    "1b8000000000000000",
		`18446744073709551615`:                   "1bffffffffffffffff",
		`-9223372036854775808`:                   "3b7fffffffffffffff",
		`100000000000000000000`:                  "fb4415af1d78b58c40", // as JavaScript writes 1e20
		`18446744073709551616`:                   "fa5f800000",
		`"é\n\u6c34"`:                            "66c3a90ae6b0b4",
		`null`:                                   "f6",
		` [1, [], {}, true] `:                    "840180a0f5",
		`{"b": 1, "a": 2}`:                       "a2616102616201",
		`{"1": 1}`:                               "a1613101",
		`{"$bytes": "AQID"}`:                     "43010203",
		`{"$bytes": ""}`:                         "40",
		`{"$time": "1970-01-01T00:00Z"}`:         "",
		`{"$time": "1970-01-01T01:00:00+01:00"}`: "c074313937302d30312d30315430303a30303a30305a",
		`{"$time": "0001-01-01T00:00:00Z"}`:      "c074303030312d30312d30315430303a30303a30305a",
		`{"$time": "9999-12-31T23:59:59-01:00"}`: "",
		`{"$float": "NaN"}`:                      "f97e00",
		`{"$float": "Infinity"}`:                 "f97c00",
		`{"$float": "-Infinity"}`:                "f9fc00",
		`{"$float": "1.5"}`:                      "",
		`{"$bytes": 5}`:                          "",
		`{"$bytes": null}`:                       "",
		`{"$bytes": "A"}`:                        "",
		`{"$$bytes": "A"}`:                       "a166246279746573" + "6141",
		`{"$other": 1}`:                          "a1662" + "46f7468657201",
		`{"$a$$b": 1}`:                           "a165246124246201",
		`{"$bytes": "A", "x": 1}`:                "a2617801662462797465736141",
		`18446744073709551617`:                   "",
		`1e999`:                                  "",
		`1` + strings.Repeat("0", 400):           "",
		``:                                       "",
		`nul`:                                    "",
		`1 2`:                                    "",
		`[1`:                                     "",
		`{1: 2}`:                                 "",
		`NaN`:                                    "",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): strings.Repeat("81", 63) + "80",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "",
	} {
		got, err := FromJSON([]byte(in))
		switch {
		case want == "":
			if CodeOf(err) != BadArgument {
				t.Errorf("%.50s: %x, %v, want a bad argument", in, got, err)
			}
		case err != nil || hex.EncodeToString(got) != want:
			t.Errorf("%.50s: %x, %v, want %s", in, got, err, want)
		}
	}
}

// TestToJSON has what the vectors do not: the vectors are in TestVectors.
func TestToJSON(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "null", // an empty reply
		"a1662462797465736141":      `{"$$bytes":"A"}`,
		"a16724246279746573" + "01": `{"$$$bytes":1}`,
		"a1666224797465736141":      `{"b$ytes":"A"}`,
		"81a1612401":                `[{"$$":1}]`,
		"a2612401616101":            `{"$":1,"a":1}`,
		"a1612" + "4a1612401":       `{"$$":{"$$":1}}`,
		"a16001":                    `{"":1}`,
		"a1d903e8616101":            `{"a":1}`,
		"617f":                      `"\u007f"`,
		"c11b0000003afff4417f":      `{"$time":"9999-12-31T23:59:59Z"}`,
		"c13b0000000e79747bff":      `{"$time":"0000-01-01T00:00:00Z"}`,
		"c1fb41da72451007df3b":      `{"$time":"2026-03-29T12:00:00.123Z"}`, // a double has no milliseconds
	} {
		if got, err := ToJSON(unhex(t, in)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestToJSONRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"3b8000000000000000":     "-9223372036854775809 is below -2^63",
		"3bffffffffffffffff":     "-18446744073709551616 is below",
		"c249010000000000000000": "bignum",
		"f0":                     "simple value 16",
		"61ff":                   "not UTF-8",
		"8161ff":                 "not UTF-8",
		"a161ff01":               "not UTF-8",
		"a201010102":             `key "1" is in a map twice`,
		"a20101613102":           `key "1" is in a map twice`,
		"a1f501":                 "neither text nor an integer",
		"a13b800000000000000001": "neither text nor an integer",
		"c001":                   "RFC 3339",
		"c1f97e00":               "RFC 3339",
		"c11b0000003afff44180":   "0 to 9999",
		"c13b0000000e79747c00":   "0 to 9999",
		"c1fb7fefffffffffffff":   "0 to 9999",
		"c1820102":               "RFC 3339",
		"ff":                     "not CBOR",
	} {
		got, err := ToJSON(unhex(t, in))
		if CodeOf(err) != BadArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %q", in, got, err, want)
		}
	}
}

func method(params ...string) *MethodType {
	m := &MethodType{Name: "do"}
	for i, p := range params {
		m.Params = append(m.Params, Param{Name: string(rune('a' + i)), Type: p})
	}
	return m
}

func TestConvertJSON(t *testing.T) {
	for _, c := range []struct{ typ, in, want string }{
		{"f64", `5`, "81f94500"},
		{"f64", `100000000000000000001`, "81fb4415af1d78b58c40"},
		{"f32", `0.1`, "81fb3fb999999999999a"},
		{"f64", `{"$float":"NaN"}`, "81f97e00"},
		{"s64", `5`, "8105"},
		{"s64", `5.0`, "81f94500"}, // a guest takes an integral float
		{"option<f64>", `5`, "81f94500"},
		{"option<f64>", `null`, "81f6"},
		{"list<f64>", `[1, 2.5]`, "8182f93c00f94100"},
		{"tuple<f64, s64, list<u8>>", `[1, 1, "a"]`, "8183f93c00014161"},
		{"list<u8>", `"aé"`, "814361c3a9"},
		{"list<u8>", `{"$bytes": "AQ=="}`, "814101"},
		{"list<u8>", `[0, 255]`, "814200ff"},
		{"list<u8>", `[]`, "8140"},
		{"list<list<u8>>", `["a", "b"]`, "818241614162"},
		{"time", `"1970-01-01T00:00:00Z"`, "81c074313937302d30312d30315430303a30303a30305a"},
		{"time", `{"$time": "1970-01-01T00:00:00Z"}`, "81c074313937302d30312d30315430303a30303a30305a"},
		{"map<s64, f64>", `{"5": 1, "-5": 2}`, "81a205f93c0024f94000"},
		{"map<u64, bool>", `{"18446744073709551615": true}`, "81a11bfffffffffffffffff5"},
		{"map<string, value>", `{"5": 1}`, "81a1613501"},
		{"value", `"aGk="`, "81646147" + "6b3d"},
		{"value", `5`, "8105"},
	} {
		got, err := method(c.typ).ConvertJSON([]json.RawMessage{json.RawMessage(c.in)})
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s as %s: %x, %v, want %s", c.in, c.typ, got, err, c.want)
		}
	}
}

func TestConvertJSONRefuses(t *testing.T) {
	for _, c := range []struct{ typ, in, want string }{
		{"f64", `"5"`, "argument 1 (a) of do is text, want f64"},
		{"s64", `"5"`, "argument 1 (a) of do is text, want s64"},
		{"s64", `5.5`, "argument 1 (a) of do is 5.5, want s64"},
		{"u8", `256`, "argument 1 (a) of do is 256, want u8"},
		{"string", `5`, "argument 1 (a) of do is 5, want string"},
		{"list<u8>", `[1, 256]`, "argument 1 (a) of do is an array, want list<u8>"},
		{"list<u8>", `[1, "2"]`, "argument 1 (a) of do is an array, want list<u8>"},
		{"time", `"noon"`, "argument 1 (a) of do is text, want time"},
		{"map<s64, value>", `{"05": 1}`, "argument 1 (a) of do: key 1 is text, want s64"},
		{"s64", `5 5`, "argument 1 of do: not JSON: more than one value"},
		{"s64", `[`, "argument 1 of do: not JSON: unexpected EOF"},
		{"value", `{"$bytes": "?"}`, `argument 1 of do: $bytes takes base64, as in {"$bytes": "AQID"}`},
		{"f64", `1e999`, "argument 1 of do: number 1e999 is too large"},
	} {
		got, err := method(c.typ).ConvertJSON([]json.RawMessage{json.RawMessage(c.in)})
		if got != nil || CodeOf(err) != BadArgument || err.Error() != c.want {
			t.Errorf("%s as %s: %x, %v, want %q", c.in, c.typ, got, err, c.want)
		}
	}
	if _, err := method("int").ConvertJSON(nil); CodeOf(err) != Refused {
		t.Errorf("no such type: %v, want refused", err)
	}
	if _, err := method("s64").ConvertJSON(nil); err == nil || err.Error() != "do takes 1 argument (a: s64), got 0" {
		t.Errorf("no arguments: %v", err)
	}
}
