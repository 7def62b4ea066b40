package amino

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
)

func TestCodeOf(t *testing.T) {
	passed := Errorf(Overloaded, "try again in %ds", 5)
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, 0},
		{errors.New("full"), Application},
		{passed, Overloaded},
		{fmt.Errorf("asking: %w", passed), Overloaded},
		{errors.Join(errors.New("one"), passed), Overloaded},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	var e *Error
	if !errors.As(passed, &e) || e.Msg != "try again in 5s" {
		t.Errorf("%v is not found by errors.As", passed)
	}
}

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("asking: %w", &Error{NotFound, "no microservice tax"})
	if !errors.Is(err, &Error{Code: NotFound}) || errors.Is(err, &Error{Code: Leased}) {
		t.Error("an Error is not told by its code")
	}
	if errors.Is(err, &Error{NotFound, "no microservice pricing"}) {
		t.Error("two messages are taken for one")
	}
	if got := (&Error{Code: Leased}).Error(); got != "leased" {
		t.Errorf("an Error without a message says %q", got)
	}
}

// TestCodeNames checks numbers and names at both ends and between.
func TestCodeNames(t *testing.T) {
	for name, code := range map[string]Code{"application": 1, "unknown method": 7, "bad argument": 17, "internal": 25, "code 99": 99} {
		if code.String() != name {
			t.Errorf("code %d is %q, want %q", uint8(code), code, name)
		}
	}
	if Internal != 25 {
		t.Errorf("Internal = %d, want 25", Internal)
	}
}

// TestFrames builds and parses the frames of abi/testdata.
func TestFrames(t *testing.T) {
	type frame struct {
		Note, Hex, Method, Target, Name, Args, Value, Message, Error string
		Kind, Code                                                   int
	}
	var frames map[string][]frame
	text, err := os.ReadFile("../../abi/testdata/frames.json")
	if err == nil {
		err = json.Unmarshal(text, &frames)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames["call"] {
		kind, method, args, err := parseCall(unhex(t, f.Hex))
		if err != nil || int(kind) != f.Kind || string(method) != f.Method || string(args) != string(unhex(t, f.Args)) {
			t.Errorf("call %q: %d, %.20q, %x, %v", f.Note, kind, method, args, err)
		}
	}
	for _, f := range frames["request"] {
		if f.Error != "" {
			continue // what a host refuses, and this SDK does not write
		}
		got, err := appendRequest(nil, byte(f.Kind), f.Target, f.Name)
		if got = append(got, unhex(t, f.Args)...); err != nil || string(got) != string(unhex(t, f.Hex)) {
			t.Errorf("request %q: %x, %v", f.Note, got, err)
		}
	}
	for _, f := range frames["reply"] {
		b, err := parseReply(unhex(t, f.Hex))
		if f.Error != "" {
			if err == nil {
				t.Errorf("reply %q: taken as %x", f.Note, b)
			}
			continue
		}
		if f.Code != 0 && f.Message != "" && err.Error() != f.Message {
			t.Errorf("reply %q: %v, want %s", f.Note, err, f.Message)
		}
		if int(CodeOf(err)) != f.Code || string(b) != string(unhex(t, f.Value)) {
			t.Errorf("reply %q: %x, %v", f.Note, b, err)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
