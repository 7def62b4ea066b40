package dms_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	_ "amino.run/dms/standard"
)

// sample has a field of each type.
type sample struct {
	inner
	MaxAge  time.Duration `doc:"how old"`
	Count   int
	Ratio   float64
	Strict  bool
	HTTPTag string
	//lint:ignore U1000 Parse must not find it.
	hidden int
}

type inner struct{ TTL time.Duration }

func (*sample) Coordinator(dms.Group) {}

func (s *sample) Validate() error { return dms.Positive("count", s.Count) }

func init() {
	dms.Register("Sample", func() dms.DM {
		return &sample{inner: inner{time.Minute}, MaxAge: time.Second, Count: 2, Ratio: 0.5, HTTPTag: "x"}
	})
}

func TestParse(t *testing.T) {
	for spec, want := range map[string]string{ // and the canonical form
		"Sample":                                      "Sample",
		" Sample ( ) ":                                "Sample",
		"Sample(ttl=60s)":                             "Sample",
		"Sample(ttl=90s)":                             "Sample(ttl=1m30s)",
		"Sample( maxAge = 2h , count = 7 )":           "Sample(maxAge=2h, count=7)",
		"Sample(ratio=0.25,strict=true)":              "Sample(ratio=0.25, strict=true)",
		`Sample(httpTag="a,b)(\"=")`:                  `Sample(httpTag="a,b)(\"=")`,
		`Sample(httpTag="")`:                          `Sample(httpTag="")`,
		"Sample(httpTag=eu-west/1)":                   "Sample(httpTag=eu-west/1)",
		"LeaseCaching(ttl=10s)":                       "LeaseCaching",
		"AtLeastOnceRPC(timeout=1h,pause=100ms)":      "AtLeastOnceRPC(timeout=1h, pause=100ms)",
		"KeepInCloud(region=eu-west)":                 "KeepInCloud(region=eu-west)",
		"LoadBalancedFrontEnd(replicas=3)":            "LoadBalancedFrontEnd(replicas=3)",
		"LoadBalancedFrontEnd(maxConcurrent=0000012)": "LoadBalancedFrontEnd(maxConcurrent=12)",
	} {
		dm, err := dms.Parse(spec)
		if err != nil {
			t.Errorf("Parse(%q): %v", spec, err)
			continue
		}
		if got := dms.String(dm); got != want {
			t.Errorf("String(Parse(%q)) = %q, want %q", spec, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for spec, parts := range map[string][]string{
		"":                                   {"names no deployment manager", "LeaseCaching(ttl=10s)"},
		"(ttl=1s)":                           {"names no deployment manager"},
		"LeaseCashing":                       {`"LeaseCashing"`, "did you mean LeaseCaching?", "AtLeastOnceRPC, "},
		"leasecaching":                       {"did you mean LeaseCaching?"},
		"KeepInCloude(region=eu)":            {"did you mean KeepInCloud?"},
		"Quux":                               {`unknown deployment manager "Quux"; there are AtLeastOnceRPC`},
		"LeaseCaching)":                      {"a ) without a ("},
		"LeaseCaching(ttl=1s":                {"the closing ) is missing"},
		"LeaseCaching(":                      {"the closing ) is missing"},
		"LeaseCaching(ttl=1s))":              {`nothing may follow the closing ), but ")" does`},
		"LeaseCaching(ttl=1s) x":             {`"x"`},
		"LeaseCaching(ttl)":                  {"ttl has no value; write ttl=value"},
		"LeaseCaching(ttl=)":                 {"ttl has no value"},
		"LeaseCaching(ttl=,)":                {"ttl has no value"},
		"LeaseCaching(=1s)":                  {"a field's name is missing"},
		"LeaseCaching(,)":                    {"a field's name is missing"},
		"LeaseCaching(ttl=1s,)":              {"a field's name is missing"},
		"LeaseCaching((ttl=1s)":              {"a field's name is missing"},
		"LeaseCaching(size=1)":               {`no field "size"`, "ttl=10s (duration)"},
		"LeaseCaching(TTL=1s)":               {`no field "TTL"`, "ttl=10s (duration)"},
		"SerializableRPC(x=1)":               {"it has no fields; write SerializableRPC"},
		"LeaseCaching(ttl=1s, ttl=2s)":       {"ttl is given twice"},
		"LeaseCaching(ttl=10)":               {"ttl=10 is no duration; write, say, ttl=10s"},
		"LeaseCaching(ttl=soon)":             {"no duration"},
		"LeaseCaching(ttl=0s)":               {"ttl=0s is not more than zero; write, say, ttl=10s"},
		"LeaseCaching(ttl=-1s)":              {"ttl=-1s is not more than zero"},
		"Sample(count=x)":                    {"count=x is no int; write, say, count=3"},
		"Sample(count=99999999999999999999)": {"out of range"},
		"Sample(count=0)":                    {"count=0 is not more than zero; write, say, count=3"},
		"Sample(strict=maybe)":               {"no bool", "strict=true"},
		"Sample(ratio=half)":                 {"no number", "ratio=0.5"},
		"Sample(hidden=1)":                   {`no field "hidden"`},
		`Sample(httpTag="x)`:                 {`the closing " is missing`},
		`Sample(httpTag=x"y")`:               {`a comma is missing before "\"y\")"`},
		"Sample(count=1 ratio=2)":            {`a comma is missing before "ratio=2)"`},
		"Sample(httpTag=ä)":                  {"httpTag=ä needs quotes; write httpTag=\"ä\""},
		"Sample(ratio=inf)":                  {"no number"},
	} {
		dm, err := dms.Parse(spec)
		if !errors.Is(err, abi.ErrRefused) {
			t.Errorf("Parse(%q) = %v, %v", spec, dm, err)
			continue
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("Parse(%q): %v; it should say %s", spec, err, part)
			}
		}
	}
}

func TestParseChain(t *testing.T) {
	chain, err := dms.ParseChain([]string{"AtLeastOnceRPC", "LeaseCaching(ttl=5s)"})
	if err != nil || chain.String() != "[AtLeastOnceRPC, LeaseCaching(ttl=5s)]" {
		t.Errorf("%v, %v", chain, err)
	}
	_, err = dms.ParseChain([]string{"AtLeastOnceRPC", "Leases"})
	if !errors.Is(err, abi.ErrRefused) || !strings.HasPrefix(err.Error(), "deployment manager 2 of 2: ") {
		t.Errorf("%v", err)
	}
}

func TestFields(t *testing.T) {
	fields, err := dms.Fields("Sample")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, f.Name+" "+f.Type+" "+f.Default+" "+f.Doc)
	}
	want := []string{"ttl duration 1m ", "maxAge duration 1s how old", "count int 2 ", "ratio number 0.5 ", "strict bool false ", "httpTag text x "}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	if _, err := dms.Fields("Sampel"); !errors.Is(err, abi.ErrRefused) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, spec := range []string{"Sample", "Sample(count=3)", `Sample(httpTag="\u00e9", ratio=1e9)`, "KeepInCloud(region=)", "LeaseCaching(ttl=1h1ns)", "Sample(ratio=NaN)"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		dm, err := dms.Parse(spec)
		if err != nil {
			if !errors.Is(err, abi.ErrRefused) || err.Error() == "" {
				t.Errorf("Parse(%q): %v", spec, err)
			}
			return
		}
		text := dms.String(dm)
		again, err := dms.Parse(text)
		if err != nil || dms.String(again) != text || !reflect.DeepEqual(dm, again) {
			t.Errorf("%q became %q, and that %v, %v", spec, text, again, err)
		}
	})
}
