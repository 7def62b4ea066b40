package abi

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// frames is testdata/frames.json.
type frames struct {
	Call []struct {
		Note, Hex, Method, Args string
		Kind                    Kind
		ReadOnly                bool
	}
	Request []struct {
		Note, Hex, Target, Name, Args, Error string
		Kind                                 Kind
	}
	Reply []struct {
		Note, Hex, Value, Name, Message, Error string
		Code                                   Code
		State                                  State
	}
}

func readFrames(t testing.TB) (f frames) {
	t.Helper()
	text, err := os.ReadFile("testdata/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCallFrames(t *testing.T) {
	for _, f := range readFrames(t).Call {
		want := unhex(t, f.Hex)
		flags := want[1]
		if got := flags&ReadOnlyFlag != 0; got != f.ReadOnly {
			t.Errorf("%s: readonly %v, want %v", f.Note, got, f.ReadOnly)
		}
		args := unhex(t, f.Args)
		got := AppendCall([]byte("before"), f.Kind, flags, f.Method, args)
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%s: %x, want %x", f.Note, got, want)
		}
		if n := CallFrameSize(f.Method, args); n != len(want) {
			t.Errorf("%s: size %d, want %d", f.Note, n, len(want))
		}
		if err := Wellformed(args); err != nil {
			t.Errorf("%s: %v", f.Note, err)
		}
	}
}

func TestCallFrameWithoutArgs(t *testing.T) {
	got := AppendCall(nil, Constructor, 0, "", nil)
	if hex.EncodeToString(got) != "0100000080" {
		t.Errorf("no arguments: %x, want those of an empty array", got)
	}
	if n := CallFrameSize("", nil); n != len(got) {
		t.Errorf("size %d, want %d", n, len(got))
	}
}

// TestCallFrameOfLongName: a name never runs over into the arguments.
func TestCallFrameOfLongName(t *testing.T) {
	args := []byte{0x81, 5}
	for _, n := range []int{maxName - 1, maxName, maxName + 1, 3 * maxName} {
		name := strings.Repeat("m", n)
		b := AppendCall(nil, Method, 0, name, args)
		told := int(binary.LittleEndian.Uint16(b[2:]))
		if told != min(n, maxName) || !bytes.Equal(b[4+told:], args) || CallFrameSize(name, args) != len(b) {
			t.Errorf("name of %d: told %d, frame of %d, size %d", n, told, len(b), CallFrameSize(name, args))
		}
	}
}

// appendRequest is what an SDK does.
func appendRequest(b []byte, r Request) []byte {
	b = append(b, byte(r.Kind), 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Target)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(r.Name)))
	return append(append(append(b, r.Target...), r.Name...), r.Args...)
}

func TestRequestFrames(t *testing.T) {
	for _, f := range readFrames(t).Request {
		b := unhex(t, f.Hex)
		r, err := ParseRequest(b)
		if f.Error != "" {
			if CodeOf(err).String() != f.Error {
				t.Errorf("%s: %v, want %s", f.Note, err, f.Error)
			}
			continue
		}
		if err != nil || r.Kind != f.Kind || r.Target != f.Target || r.Name != f.Name || hex.EncodeToString(r.Args) != f.Args {
			t.Errorf("%s: %+v, %v, want %+v", f.Note, r, err, f)
		}
		if got := appendRequest(nil, r); !bytes.Equal(got, b) {
			t.Errorf("%s: built %x, want %x", f.Note, got, b)
		}
	}
}

func TestReplyFrames(t *testing.T) {
	for _, f := range readFrames(t).Reply {
		b := unhex(t, f.Hex)
		value, err := ParseReply(b)
		e := AsError(err)
		switch {
		case f.Error != "":
			if CodeOf(err).String() != f.Error {
				t.Errorf("%s: %v, want %s", f.Note, err, f.Error)
			}
			continue
		case f.Code == OK:
			if err != nil || hex.EncodeToString(value) != f.Value {
				t.Errorf("%s: %x, %v, want %s", f.Note, value, err, f.Value)
			}
		case e.Code != f.Code || e.State != f.State || e.Msg != f.Message || f.Name != "" && e.Code.String() != f.Name:
			t.Errorf("%s: %+v, want %+v", f.Note, e, f)
		}
		if f.Code != OK && f.Message == "" {
			continue // AppendReply puts the code's name in
		}
		if got := AppendReply(nil, value, err); !bytes.Equal(got, b) {
			t.Errorf("%s: built %x, want %x", f.Note, got, b)
		}
	}
}

func TestAppendReply(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"foreign error":          {errors.New("x"), "\x19\x00x"},
		"no message":             {&Error{Code: Application}, "\x01\x00application"},
		"state":                  {&Error{Code: Trap, State: StateSnapshot, Msg: "t"}, "\x0c\x02t"},
		"an error that says OK":  {&Error{Code: OK, Msg: "odd"}, "\x19\x00odd"},
		"success, not an error":  {nil, "\x00\x00\x05"},
		"application, no fields": {AppError("sold out"), "\x01\x00sold out"},
	} {
		if got := string(AppendReply(nil, []byte{5}, c.err)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, r := range readFrames(f).Request {
		f.Add(unhex(f, r.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			if CodeOf(err) != BadArgument {
				t.Errorf("code %s", CodeOf(err))
			}
			return
		}
		b[1] = 0 // reserved, not kept
		if got := appendRequest(nil, r); !bytes.Equal(got, b) {
			t.Errorf("read %x, wrote %x", b, got)
		}
	})
}

func FuzzParseReply(f *testing.F) {
	for _, r := range readFrames(f).Reply {
		f.Add(unhex(f, r.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		value, err := ParseReply(b)
		switch {
		case len(b) < 2:
			if CodeOf(err) != BadReply {
				t.Errorf("%x: %v", b, err)
			}
		case b[0] == 0:
			if err != nil || !bytes.Equal(value, b[2:]) {
				t.Errorf("%x: %x, %v", b, value, err)
			}
		case len(b) > 2:
			if got := AppendReply(nil, nil, err); !bytes.Equal(got, b) {
				t.Errorf("read %x, wrote %x", b, got)
			}
		default:
			if err == nil || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%x: an error without a word", b)
			}
		}
	})
}
