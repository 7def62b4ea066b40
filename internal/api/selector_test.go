package api_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/internal/api"
)

func TestSelectorMatches(t *testing.T) {
	eu := map[string]string{"region": "eu", "tier": "cloud", "gpu": "a100"}
	us := map[string]string{"region": "us", "tier": "device"}
	none := map[string]string{}
	for _, test := range []struct {
		selector string
		want     [3]bool // eu, us, none
	}{
		{"", [3]bool{true, true, true}},
		{"region=eu", [3]bool{true, false, false}},
		{"region=eu,tier=cloud", [3]bool{true, false, false}},
		{"region=eu,tier=device", [3]bool{false, false, false}},
		{"region=eu;tier=device", [3]bool{true, true, false}},
		{"region in (eu,us)", [3]bool{true, true, false}},
		{"region notin (eu)", [3]bool{false, true, true}},
		{"gpu", [3]bool{true, false, false}},
		{"gpu;region=us,tier in (device, edge)", [3]bool{true, true, false}},
		{"region in (ap)", [3]bool{false, false, false}},
	} {
		s, err := api.ParseSelector(test.selector)
		if err != nil {
			t.Errorf("%s: %v", test.selector, err)
			continue
		}
		if got := [3]bool{s.Matches(eu), s.Matches(us), s.Matches(none)}; got != test.want {
			t.Errorf("%s matches %v; want %v", test.selector, got, test.want)
		}
	}
}

func TestSelectorTextRoundTrip(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"  ":                "",
		" region = eu ,gpu": "region=eu,gpu",
		"region=eu,tier in (cloud, edge) ; gpu;zone notin ( b )": "region=eu,tier in (cloud,edge);gpu;zone notin (b)",
	} {
		s, err := api.ParseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if s.String() != want {
			t.Errorf("%q reads back as %q; want %q", text, s, want)
		}
		again, err := api.ParseSelector(s.String())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%q reads as %v, %v; want %v", s, again, err, s)
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%q is not valid: %v", text, err)
		}
	}
}

func TestSelectorRefusesNonsense(t *testing.T) {
	for text, want := range map[string]string{
		"region=":             `"" is not a value of label region`,
		"=eu":                 `"" is not a label`,
		"a,,b":                `"" is not a label`,
		";":                   `"" is not a label`,
		"region in (eu":       "write LABEL in (A,B)",
		"region in":           "is not a label",
		"region within (eu)":  `unknown operator "within"`,
		"region in ()":        "is not a value",
		"region=e u":          "is not a value",
		"in (eu)":             "write LABEL in",
		"region in (eu)) , b": "write LABEL in",
	} {
		_, err := api.ParseSelector(text)
		if !errors.Is(err, &abi.Error{Code: abi.BadArgument}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
	for want, s := range map[string]api.Selector{
		"empty term":             {{}},
		"needs one value":        {{{Key: "a", Op: api.Equal}}},
		"takes no value":         {{{Key: "a", Op: api.Exists, Values: []string{"x"}}}},
		`unknown operator "Gt"`:  {{{Key: "a", Op: "Gt", Values: []string{"1"}}}},
		"In on label a needs a":  {{{Key: "a", Op: api.In}}},
		"NotIn on label b needs": {{{Key: "b", Op: api.NotIn}}},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; want %q", s, err, want)
		}
	}
}

func TestFormatLabels(t *testing.T) {
	if got := api.FormatLabels(map[string]string{"tier": "cloud", "region": "eu"}); got != "region=eu,tier=cloud" {
		t.Errorf("got %q", got)
	}
	if got := api.FormatLabels(nil); got != "" {
		t.Errorf("no labels are %q", got)
	}
}
